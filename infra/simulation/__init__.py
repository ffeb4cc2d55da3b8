"""Simulates a sales team: messages of the contract in the order in which a service would receive them."""

from infra.simulation.floor import DEFAULT_UNTIL, simulate

__all__ = ["DEFAULT_UNTIL", "simulate"]
