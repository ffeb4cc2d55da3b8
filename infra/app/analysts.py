"""Analysts: which roles of the database may query the relations."""

from infra.app.container import Waybill
from infra.sql_views.upkeep import define_relations


def grant_analyst(waybill: Waybill, role: str, *, fills_rates: bool = False) -> list[str]:
    """Let a role query the relations, and with `fills_rates` write the exchange rates; returns its excess privileges.

    Raises NotAllowedError.
    """
    define_relations(waybill.backend, waybill.hold, waybill.settings.time_zone)
    return waybill.backend.grant(role, fills_rates=fills_rates)


def revoke_analyst(waybill: Waybill, role: str) -> None:
    """Revoke what grant_analyst granted. Raises NotAllowedError."""
    waybill.backend.revoke(role)
