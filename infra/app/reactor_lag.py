"""How far reactors and outboxes are behind: what they have not read or sent, and the keys whose time has come."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from consumers.reactors.reactor import Reactor, checkpoint_of
from domain.counted import counted_up_to
from domain.kind import Kind
from infra.app.container import Waybill
from infra.app.store_standing import MOST_COUNTED
from infra.store.checkpoints import Checkpoints
from infra.store.projected.serving import NotFilledError, answering
from infra.store.reactions.reading import ReactionReading
from projections.catalogue import PROJECTIONS
from projections.views.tables import table_of

REASONS = {"parcels": "parcels' scans", "standing-orders": "standing orders"}
"""What the messages of each reactor follow from."""
REACTORS_OF_VIEW: Mapping[str, tuple[str, ...]] = {
    "unmatched_parcels": ("parcels",),
    "standing_orders": ("standing-orders",),
}
"""Views that the messages of one reactor change. Views of orders answer by what all of them stated."""
MOST_LOOKED_AT = 500
"""How many unread events are looked at for one that needs a reaction; with more, there may be one."""


class ReactorLag(NamedTuple):
    """`name` is that of its checkpoint, which is at `position`.

    `lag` counts the events after it, and the keys to react to by now without a new event, such as due dates.
    """

    name: str
    position: int
    lag: int


class NotStated(NamedTuple):
    """The reactors that have, or may have, something to react to, and by how many events the last of them is behind."""

    reactors: Sequence[str]
    lag: int

    def __str__(self) -> str:
        """A clause such as: what follows from standing orders is not stated yet, the reactors are 4 events behind."""
        reasons = " and ".join(REASONS[name] for name in self.reactors)
        return f"what follows from {reasons} is not stated yet, {_behind(self.lag)}"


def not_stated(waybill: Waybill, reactors: Collection[str] = tuple(REASONS)) -> NotStated | None:
    """Those of these reactors that have not stated all that follows from the messages; None if all have.

    A few small queries, however large the store is and however far the reactors are behind.
    """
    reading, found, lag = ReactionReading(waybill.backend), [], 0
    wanted = [one for one in waybill.reactors() if one.name in reactors and _has(waybill, _concern(one))]
    for reactor in wanted:
        with waybill.engine.connect() as connection:
            if reading.has_work(connection, reactor, waybill.clock(), MOST_LOOKED_AT):
                position = reading.position(connection, reactor)
                unread = waybill.history.within(connection).count_after(position, at_most=MOST_COUNTED + 1)
                found.append(reactor.name)
                lag = max(lag, unread + reading.count_due(connection, reactor, waybill.clock()))
    return NotStated(found, lag) if found else None


def reactors_of_view(relation: str) -> tuple[str, ...]:
    """The names of the reactors by whose messages this view answers."""
    return REACTORS_OF_VIEW.get(relation, tuple(REASONS))


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
    return _behind(lag) if lag else None


def reactor_behind_view(waybill: Waybill, relation: str) -> str | None:
    """A sentence about what this view may lack because reactors are behind; None if it lacks nothing.

    A view of one reactor tells of each event that the reactor has not read, a view of orders only of reactions.
    """
    if relation in REACTORS_OF_VIEW:
        return reactors_behind(waybill, *REACTORS_OF_VIEW[relation])
    missing = not_stated(waybill, reactors_of_view(relation))
    return None if missing is None else str(missing)


def _behind(lag: int) -> str:
    return f"the reactors are {counted_up_to(lag, MOST_COUNTED, 'event')} behind"


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
