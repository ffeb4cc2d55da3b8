"""How far reactors and outboxes are behind: what they have not read or sent, and the keys whose time has come."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from consumers.reactors.reactor import Reactor, checkpoint_of
from domain.kind import Kind
from infra.app.container import Waybill
from infra.store.checkpoints import Checkpoints
from infra.store.projected.serving import NotFilledError, answering
from infra.store.reactions.reading import ReactionReading
from projections.catalogue import PROJECTIONS
from projections.views.tables import table_of

REACTOR_OF_VIEW = {"unmatched_parcels": "parcels", "standing_orders": "standing-orders"}
"""Views that answer by what a reactor said, and that reactor."""


class ReactorLag(NamedTuple):
    """`name` is that of its checkpoint, which is at `position`.

    `lag` counts the events after it, and the keys to react to by now without a new event, such as due dates.
    """

    name: str
    position: int
    lag: int


def reactor_lags(waybill: Waybill) -> Sequence[ReactorLag]:
    """The reactors that have run, and those that never ran although the views show something to react to."""
    begun = Checkpoints(waybill.backend).begun()
    return [
        _lag(waybill, reactor, begun.get(checkpoint_of(reactor), 0))
        for reactor in waybill.reactors()
        if checkpoint_of(reactor) in begun or _has(waybill, _concern(reactor))
    ]


def outbox_lags(waybill: Waybill) -> Sequence[ReactorLag]:
    """The outboxes of a relay that has run, even if it waits to begin; `lag` counts what is not sent yet."""
    checkpoints, outboxes = Checkpoints(waybill.backend), waybill.outboxes()
    announced = checkpoints.announced()
    # A store of version 0001 got the first of them when it was migrated.
    listed = announced if all(outbox.name in announced for outbox in outboxes) else checkpoints.begun()
    return [
        ReactorLag(outbox.name, listed[outbox.name], outbox.lag(listed[outbox.name]))
        for outbox in outboxes
        if outbox.name in listed
    ]


def reactors_behind(waybill: Waybill, *names: str) -> str | None:
    """A sentence about the reactors with these names (none: all) that are behind; None if none is."""
    wanted = [checkpoint_of(reactor) for reactor in waybill.reactors() if not names or reactor.name in names]
    lag = max((one.lag for one in reactor_lags(waybill) if one.name in wanted), default=0)
    if not lag:
        return None
    return f"the reactors are {lag} event{'' if lag == 1 else 's'} behind"


def reactor_behind_view(waybill: Waybill, relation: str) -> str | None:
    """The same of the reactor by which this view answers, if it answers by one."""
    reactor = REACTOR_OF_VIEW.get(relation)
    return None if reactor is None else reactors_behind(waybill, reactor)


def _lag(waybill: Waybill, reactor: Reactor, position: int) -> ReactorLag:
    with waybill.engine.connect() as connection:
        due = ReactionReading(waybill.backend).count_due(connection, reactor, waybill.clock())
    return ReactorLag(checkpoint_of(reactor), position, waybill.history.count_after(position) + due)


def _concern(reactor: Reactor) -> Kind:
    """The kind of subjects without which nothing follows."""
    return reactor.referred_kind if reactor.needs_referred else reactor.kind


def _has(waybill: Waybill, kind: Kind) -> bool:
    """Whether the views have a subject of this kind; False while they are being filled."""
    projection = next(one for one in PROJECTIONS if one.kind is kind)
    with waybill.engine.connect() as connection:
        try:
            anything = answering(connection, (projection,)).over(select(table_of(projection.tables[0])).limit(1))
        except NotFilledError:
            return False
        return connection.execute(anything).first() is not None
