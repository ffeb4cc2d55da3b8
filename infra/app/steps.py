"""Steps: the facts of one order one by one, and what each changed: verdicts, the order, and the rows of every view.

Two sequences are possible. By place: in the order in which settling takes the facts. As they arrived: in the order of
the store, so that a late fact rewrites what was before, and a derived message can be withdrawn. A step settles what
there is up to it and up to the step before, with the settling, shapes and views that run in production; nothing else
of the order is settled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from domain.clock_holds import ClockHoldEnded
from domain.derived import MessageWithdrawn, facts_among
from domain.fact import Fact, FactKey, StreamEvent, sort_key_of
from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from domain.settling import Settling, up_to
from domain.streams import settle_stream
from domain.verdict import Outcome
from infra.app.container import Waybill
from infra.app.row_effects import RowEffects, TableEffect
from infra.app.view_effects import ViewEffect, ViewEffects
from infra.queries.orders import OrderReading
from infra.queries.views import Asked
from projections.catalogue import PROJECTIONS
from projections.order_timeline import NOT_TOLD
from projections.projection import Projection, Settled

PRESENT = Asked()
SAMPLES = 50
"""Rows that are shown of each table and view."""
ORDER_PROJECTIONS: tuple[Projection, ...] = tuple(one for one in PROJECTIONS if one.kind is ORDER)


class Sequencing(StrEnum):
    """In which order the facts are stepped through."""

    BY_PLACE = "place"
    AS_ARRIVED = "arrived"


class VerdictChange(NamedTuple):
    """The outcome of a fact changed with a step; `before` is None when it was not there, `after` when it is gone."""

    fact: Fact
    before: Outcome | None
    after: Outcome | None


class OrderField(NamedTuple):
    """A field of the order before and after a step; None: nothing to say, or not placed yet."""

    name: str
    before: Any
    after: Any

    @property
    def changed(self) -> bool:
        return bool(self.before != self.after)


class Step(NamedTuple):
    """One step. `number` counts from 1.

    `event` is the fact, or what ends a derived message or a hold of the clock. `outcome` is that of its message after
    the step, None when the message counts for nothing. `others` are the other facts whose outcomes changed.
    """

    number: int
    event: StreamEvent
    position: int | None
    outcome: Outcome | None
    others: Sequence[VerdictChange]
    fields: Sequence[OrderField]
    tables: Sequence[TableEffect]


class Steps:
    """The steps of one order. Only what is asked for is settled."""

    def __init__(self, reading: OrderReading, order_id: str, sequencing: Sequencing, asked: Asked):
        self.sequencing = sequencing
        self._reading = reading
        self._order_id = order_id
        self._asked = asked
        positions: dict[FactKey, int] = {}
        for position, event in reading.events:
            if isinstance(event, Fact):
                positions[event.key] = position
        if sequencing is Sequencing.BY_PLACE:
            facts = sorted(reading.facts, key=sort_key_of)
            self.events: Sequence[tuple[int | None, StreamEvent]] = [(positions.get(one.key), one) for one in facts]
        else:
            self.events = self._arrived()
        self._cache: dict[int, Settled] = {}
        self._numbers = {event.key: number for number, (_, event) in enumerate(self.events, 1)}

    def __len__(self) -> int:
        return len(self.events)

    def number_of(self, key: FactKey) -> int | None:
        """The last step that is about a message; None when there is none."""
        return self._numbers.get(key)

    def sequenced(self, by: Sequencing) -> "Steps":
        """The steps of the same reading in a sequence."""
        return self if by is self.sequencing else Steps(self._reading, self._order_id, by, self._asked)

    def facts(self, number: int) -> list[Fact]:
        """The facts that stand after a step; 0 is before the first one."""
        some = [event for _, event in self.events[:number]]
        if self.sequencing is Sequencing.BY_PLACE:
            return [event for event in some if isinstance(event, Fact)]
        return facts_among(some)

    def step(self, number: int) -> Step:
        """What the step changed. Raises IndexError."""
        before, after = self._settled(number - 1), self._settled(number)
        position, event = self.events[number - 1]
        facts = {fact.key: fact for fact in [*self.facts(number - 1), *self.facts(number)]}
        rows = RowEffects(ORDER_PROJECTIONS, SAMPLES)
        rows.take(before, after)
        return Step(
            number,
            event,
            position,
            after.settling.outcomes.get(event.key),
            _others(event.key, facts, before.settling, after.settling),
            _fields(_summary(before), _summary(after)),
            [effect for effect in rows.tables() if effect.differs],
        )

    def view_effects(self, number: int, zone: str, now: datetime) -> Sequence[ViewEffect]:
        """The rows of views that the step changed, as they read at the asked instant, or `now`. Raises IndexError."""
        before, after = self._settled(number - 1), self._settled(number)
        with ViewEffects(zone, self._asked.as_of or now, SAMPLES) as views:
            views.take([(before, after)])
            return views.views()

    def settling(self, number: int) -> Settling[Any]:
        """The order as settled after a step; 0 is before the first one. Raises IndexError."""
        return self._settled(number).settling

    def _settled(self, number: int) -> Settled:
        if not 0 <= number <= len(self.events):
            raise IndexError(f"step {number} of {len(self.events)}")
        if number not in self._cache:
            self._cache[number] = Settled(
                ORDER, self._order_id, settle_stream(self._reading.stream, self.facts(number))
            )
        return self._cache[number]

    def _arrived(self) -> Sequence[tuple[int | None, StreamEvent]]:
        known_at, as_of = self._asked.known_at, self._asked.as_of
        found = [
            (position, event)
            for position, event in self._reading.events
            if isinstance(event, Fact | MessageWithdrawn | ClockHoldEnded)
            and (known_at is None or event.recorded_at <= known_at)
        ]
        kept = {fact.key for fact in up_to((event for _, event in found if isinstance(event, Fact)), as_of)}
        return [(position, event) for position, event in found if event.key in kept]


def steps_of(waybill: Waybill, order_id: str, sequencing: Sequencing, asked: Asked = PRESENT) -> Steps:
    """The steps of an order by these clocks; none when nothing is known of it."""
    reading = waybill.orders.read(order_id, waybill.clock(), asked.as_of, asked.known_at)
    return Steps(reading, order_id, sequencing, asked)


def _summary(settled: Settled) -> OrderSummary | None:
    return settled.moments[-1].summary if settled.moments else None


def _fields(before: OrderSummary | None, after: OrderSummary | None) -> list[OrderField]:
    """The fields of the order, without those that only views need."""
    old = {} if before is None else msgspec.structs.asdict(before)
    new = {} if after is None else msgspec.structs.asdict(after)
    names = [name for name in OrderSummary.__struct_fields__ if name not in NOT_TOLD]
    return [OrderField(name, old.get(name), new.get(name)) for name in names if old or new]


def _others(
    key: FactKey, facts: Mapping[FactKey, Fact], before: Settling[Any], after: Settling[Any]
) -> list[VerdictChange]:
    """The other facts whose outcomes differ, in the order of their places."""
    changed = [
        VerdictChange(fact, was, will_be)
        for each, fact in facts.items()
        if each != key and (was := before.outcomes.get(each)) != (will_be := after.outcomes.get(each))
    ]
    return sorted(changed, key=lambda change: sort_key_of(change.fact))
