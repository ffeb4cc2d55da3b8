"""A believable sales floor, told in the contract's messages in the order in which a service would hear of them."""

from infra.simulation.floor import DEFAULT_UNTIL, simulate

__all__ = ["DEFAULT_UNTIL", "simulate"]
