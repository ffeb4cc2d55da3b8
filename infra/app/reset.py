"""Reset: an operator sets the checkpoint of an outbox or a reactor to another position, with a guard."""

from typing import NamedTuple

from sqlalchemy import func, select

from consumers.reactors.reactor import checkpoint_of
from domain.counted import counted
from domain.operator.acts import PositionReset
from infra.app.container import Waybill
from infra.outbox.effects import EffectsOutbox
from infra.outbox.outbox import Outbox
from infra.outbox.verdicts import VerdictsOutbox
from infra.store.checkpoints import Checkpoints, compare_and_set
from infra.store.events.history import head_seen
from infra.store.operator_log import Acting, Who
from infra.store.pauses import CONSUME
from infra.store.pruned import pruned_streams
from infra.store.register.tables import notices, reactor_positions
from projections.catalogue import every_projection

SENT_AGAIN, LEFT_OUT, READ_AGAIN = "sent again", "left out for good", "read again"


class Reset(NamedTuple):
    """A checkpoint that would be set, or was set: from `position` to `to`, and what that does to how many `entries`."""

    name: str
    position: int
    to: int
    entries: int
    effect: str


class CannotResetError(ValueError):
    """This checkpoint cannot be set, or not to that position; the message says what to do."""


class UnexpectedPositionError(Exception):
    """The checkpoint is not where the operator expects it; nothing was changed."""


def plan_reset(waybill: Waybill, name: str, to: int) -> Reset:
    """What a reset would do. Raises CannotResetError."""
    outboxes = {outbox.name: outbox for outbox in waybill.outboxes()}
    reactors = [checkpoint_of(reactor) for reactor in waybill.reactors()]
    _expect_resettable(name, [*outboxes, *reactors])
    begun = Checkpoints(waybill.backend).begun()
    if name not in begun:
        raise CannotResetError(f"{name} has never run on this store, so it has no position yet")
    position = begun[name]
    newest = _newest(waybill, outboxes.get(name))
    if not 0 <= to <= newest:
        raise CannotResetError(f"--to must be between 0 and {newest}, which is the newest for {name}, but is {to}")
    if to == position:
        raise CannotResetError(f"{name} is at position {to} already")
    if to < position:
        _expect_not_pruned_after(waybill, name, to)
    if name in outboxes:
        lag = outboxes[name].lag
        count = abs(lag(to) - lag(position))
        return Reset(name, position, to, count, SENT_AGAIN if to < position else LEFT_OUT)
    if to > position:
        raise CannotResetError(f"{name} must read every event, so it only goes back")
    count = waybill.history.count_after(to) - waybill.history.count_after(position)
    return Reset(name, position, to, count, READ_AGAIN)


def reset_position(waybill: Waybill, name: str, to: int, expect: int, operator: str, reason: str) -> Reset:
    """Set a checkpoint that stands at `expect`; running processes go on from there.

    Raises CannotResetError, and UnexpectedPositionError if the checkpoint stands elsewhere.
    """
    planned = plan_reset(waybill, name, to)
    c = reactor_positions.c

    def work(acting: Acting) -> Reset:
        position = acting.connection.execute(select(c.position).where(c.name == name)).scalar_one()
        if not expect == position == planned.position:
            raise UnexpectedPositionError(f"{name} is at position {position}, not at {expect}; nothing was changed")
        compare_and_set(acting.connection, reactor_positions, c.name == name, expect, to, name)
        acting.log(PositionReset, part=name, before=position, after=to, count=planned.entries)
        return planned

    return waybill.operator_log.act(Who(operator, reason), work)


def _expect_not_pruned_after(waybill: Waybill, name: str, to: int) -> None:
    """The relay cannot send again what took effect in a pruned order. Reactors pass over such orders."""
    p, n = pruned_streams.c, notices.c
    if name == EffectsOutbox.name:
        pruned = select(func.count()).select_from(pruned_streams).where(p.last_position > to)
    elif name == VerdictsOutbox.name:
        pruned = select(func.count(p.stream.distinct())).where(n.stream == p.stream, n.notice_id > to)
    else:
        return
    with waybill.engine.connect() as connection:
        orders = connection.execute(pruned).scalar_one()
    if orders:
        raise CannotResetError(
            f"{name} would send what follows {to} again, and {counted(orders, 'order')} of that "
            f"{'was' if orders == 1 else 'were'} pruned: bring them back first (waybill prune --undo)"
        )


def _newest(waybill: Waybill, outbox: Outbox | None) -> int:
    with waybill.engine.connect() as connection:
        if outbox is None:
            return head_seen(connection, waybill.backend)
        return outbox.newest(connection, waybill.clock())


def _expect_resettable(name: str, names: list[str]) -> None:
    if name in names:
        return
    if name.replace("-", "_") in {projection.name for projection in every_projection()}:
        raise CannotResetError(
            f"the position of {name} says what its rows reflect, so it cannot be set; to rebuild its rows: waybill "
            f"rebuild {name}; to try parked subjects again: waybill parked retry {name}"
        )
    if name == CONSUME:
        raise CannotResetError(
            "each partition has its own position: waybill topics skip goes forward, and waybill reingest reads again"
        )
    raise CannotResetError(f"{name!r} has no position that can be set; give one of {', '.join(names)}")
