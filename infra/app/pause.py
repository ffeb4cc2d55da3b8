"""Pause and resume: an operator stops a part of the service and lets it go on, whichever processes run it."""

from sqlalchemy import delete, insert

from domain.operator.acts import PartPaused, PartResumed
from infra.app.container import Waybill
from infra.store.operator_log import Acting, Who
from infra.store.pauses import CONSUME, REACT, RELAY, Pause, pauses, stored_pauses
from projections.catalogue import every_projection
from projections.views.catalogue import view_named

PARTS = (*(projection.name for projection in every_projection()), CONSUME, REACT, RELAY)
"""What can be paused: each projection, and the consumer, the reactors and the relay."""


class UnknownPartError(ValueError):
    """No part has this name; the message lists the parts."""


def part_named(name: str) -> str:
    """The part with this name, which may be written with hyphens. Raises UnknownPartError."""
    part = name.replace("-", "_")
    if part in PARTS:
        return part
    raise UnknownPartError(f"{name!r} is no part that can be paused; give one of {_parts_like(name)}")


def _parts_like(name: str) -> str:
    """The projections of a view with this name, or every part."""
    try:
        view = view_named(name)
    except KeyError:
        return ", ".join(PARTS)
    return f"{', '.join(projection.name for projection in view.projections)}: {name} reads these"


def pause(waybill: Waybill, part: str, operator: str, reason: str) -> tuple[Pause, bool]:
    """Pause a part; returns the pause, and whether it is new. An earlier pause stays as it is."""

    def work(acting: Acting) -> tuple[Pause, bool]:
        known = stored_pauses(acting.connection).get(part)
        if known is not None:
            return known, False
        made = Pause(part, acting.now, operator, reason)
        acting.connection.execute(insert(pauses).values(made._asdict()))
        acting.log(PartPaused, part=part)
        return made, True

    return waybill.operator_log.act(Who(operator, reason), work)


def resume(waybill: Waybill, part: str, operator: str, reason: str) -> Pause | None:
    """Let a part go on; returns the pause that ended, or None if it was not paused."""

    def work(acting: Acting) -> Pause | None:
        known = stored_pauses(acting.connection).get(part)
        if known is not None:
            acting.connection.execute(delete(pauses).where(pauses.c.name == part))
            acting.log(PartResumed, part=part)
        return known

    return waybill.operator_log.act(Who(operator, reason), work)
