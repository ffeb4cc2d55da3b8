"""How many orders were open, overdue, at risk or late at each of many instants, found in one reading of the periods.

A period of an order counts from one instant to another, which follow from its row alone: an open order is overdue from
its promise on, and at risk from the earliest of its reasons to its promise. So each row tells between which of the
instants it counts, and rows that count between the same two are summed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, func, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from projections.views.as_of import DAY, AsOf
from projections.views.columns import EPOCH
from projections.views.open_orders import state
from projections.views.tables import late_delivery_periods, order_states

late = late_delivery_periods.c
MICROSECOND = timedelta(microseconds=1)
NEVER = 2**62
"""Microseconds since 1970 of an instant that does not come."""


class Counted(StrEnum):
    """Which orders are counted."""

    OVERDUE = "overdue"
    AT_RISK = "at-risk"
    LATE = "late"
    """Completed after their promise, from the completion on: the sum over all time up to the instant."""
    OPEN = "open"


class TrendBy(StrEnum):
    """What they are counted by. The rep is who held the order at the instant, and of a late one at its completion."""

    REP = "rep"
    SEGMENT = "segment"
    CARRIER = "carrier"

    @property
    def column(self) -> str:
        return "rep_id" if self is TrendBy.REP else self.value


@dataclass(frozen=True)
class Instants:
    """`number` instants from `since` on, each `every` after the one before."""

    since: datetime
    every: timedelta
    number: int

    @property
    def last(self) -> datetime:
        return self.since + self.every * (self.number - 1)

    def __iter__(self) -> Iterator[datetime]:
        return (self.since + self.every * step for step in range(self.number))


def counted_between(counted: Counted, instants: Instants, by: TrendBy | None) -> Select[Any]:
    """Rows of (key, first, beyond, orders): so many orders count at the instants number `first` to `beyond` - 1.

    `key` is the value of the column of `by`, null without one.
    """
    held, periods, begins, ends, *where = _spans(counted, by)
    first, beyond = _instants_before(begins, instants), _instants_before(ends, instants)
    key = literal(None) if by is None else held
    spans = (
        select(key.label("key"), first.label("first"), beyond.label("beyond"))
        .where(
            periods.c.valid_from <= AsOf.at(instants.last).instant,
            periods.c.valid_to.is_(None) | (periods.c.valid_to > AsOf.at(instants.since).instant),
            *where,
        )
        .subquery("spans")
    )
    columns = (spans.c.key, spans.c.first, spans.c.beyond)
    return select(*columns, func.count().label("orders")).where(spans.c.first < spans.c.beyond).group_by(*columns)


def completed_between(instants: Instants) -> Select[Any]:
    """Rows of (step, on_time, orders): how many orders were completed after the instant before and by that of `step`.

    Of each order, its completion as of the last instant. Those completed by the first instant are left out.
    """
    as_of = AsOf.at(instants.last)
    on_time = case((state.completed_at <= state.promised_by, 1), else_=0)
    step = _instants_before(_microseconds(state.completed_at), instants)
    window = AsOf.at(instants.since)
    done = (
        select(step.label("step"), on_time.label("on_time"))
        .where(as_of.holds(order_states), state.completed_at > window.instant, state.completed_at <= as_of.instant)
        .subquery("done")
    )
    columns = (done.c.step, done.c.on_time)
    return select(*columns, func.count().label("orders")).group_by(*columns)


def _spans(counted: Counted, by: TrendBy | None) -> tuple[Any, ...]:
    """The column of `by`, the table, from when and until when a row counts (microseconds), and which rows may count."""
    if counted is Counted.LATE:
        # Segments are not told by the late periods.
        return _late_orders() if by is TrendBy.SEGMENT else _late_periods(by)
    is_open = state.status == "open"
    begins, ends = _microseconds(state.valid_from), _microseconds(state.valid_to)
    held = {TrendBy.REP: state.rep_id, TrendBy.SEGMENT: state.segment, TrendBy.CARRIER: state.carrier}
    column = held[by or TrendBy.REP]
    promise = _microseconds(state.promised_by)
    passed = promise + 1
    if counted is Counted.OPEN:
        return (column, order_states, begins, _or_never(ends), is_open)
    if counted is Counted.OVERDUE:
        lasts = or_(state.valid_to.is_(None), state.valid_to > state.promised_by)
        return (column, order_states, _later(begins, passed), _or_never(ends), is_open, lasts)
    doubted = _doubted_from(begins, promise)
    at_risk_until = _earlier(_or_never(ends), passed)
    return (column, order_states, _later(begins, doubted), at_risk_until, is_open, doubted < _whole(NEVER))


def _doubted_from(begins: ColumnElement[int], promise: ColumnElement[int]) -> ColumnElement[int]:
    """From when an open order is at risk, if its promise has not passed: as at_risk_deliveries says why."""
    whole = or_(
        state.latest_estimate > state.promised_by,
        state.mode.is_not(None) & state.estimated_delivery.is_(None),
    )
    estimate = _microseconds(state.latest_estimate)
    estimate_passed = case((state.latest_estimate.is_not(None), estimate + 1), else_=NEVER)
    not_booked = case((state.left_to_book, promise - DAY // MICROSECOND), else_=NEVER)
    return case((whole, begins), else_=_earlier(estimate_passed, not_booked))


def _late_periods(by: TrendBy | None) -> tuple[Any, ...]:
    column = late.carrier if by is TrendBy.CARRIER else late.rep_id
    return (column, late_delivery_periods, _microseconds(late.valid_from), _or_never(_microseconds(late.valid_to)))


def _late_orders() -> tuple[Any, ...]:
    begins, ends = _microseconds(state.valid_from), _or_never(_microseconds(state.valid_to))
    return (state.segment, order_states, begins, ends, state.completed_at > state.promised_by)


def _instants_before(at: ColumnElement[int], instants: Instants) -> ColumnElement[int]:
    """How many of the instants come before this one: the number of the first that does not."""
    since, every = (instants.since - EPOCH) // MICROSECOND, instants.every // MICROSECOND
    last = (instants.last - EPOCH) // MICROSECOND
    steps = (at - _whole(since - every + 1)) // _whole(every)
    return case((at <= _whole(since), 0), (at > _whole(last), instants.number), else_=steps)


def _whole(number: int) -> ColumnElement[int]:
    return literal(number, BigInteger)


def _or_never(at: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(at, _whole(NEVER), type_=BigInteger)


def _later(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one > other, one), else_=other)


def _earlier(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one < other, one), else_=other)


class _microseconds(ColumnElement[int]):  # noqa: N801  (reads as a function in queries)
    """The whole microseconds from 1970 to an instant."""

    inherit_cache = True
    type = BigInteger()

    def __init__(self, instant: ColumnElement[Any]):
        self.instant = instant

    def get_children(self, **_: Any) -> list[ColumnElement[Any]]:
        return [self.instant]

    @property
    def _from_objects(self) -> list[Any]:
        return self.instant._from_objects

    def _copy_internals(self, *, clone: Any = None, **options: Any) -> None:
        # So that a query can use other tables: infra/store/projected/tables.py replaces columns.
        if clone is not None:
            self.instant = clone(self.instant, **options)


@compiles(_microseconds, "sqlite")
def _on_sqlite(element: _microseconds, compiler: SQLCompiler, **kwargs: Any) -> str:
    return compiler.process(element.instant, **kwargs)


@compiles(_microseconds, "postgresql")
def _on_postgresql(element: _microseconds, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {compiler.process(element.instant, **kwargs)}) * 1000000 AS bigint)"
