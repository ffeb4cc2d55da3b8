"""The command `waybill`."""

from infra.cli.app import main

__all__ = ["main"]
