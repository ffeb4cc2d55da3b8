"""Periods in force at a past instant: the index of their lengths finds exactly those that a plain scan finds."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, and_, delete, insert, select, text

from infra.app.container import Waybill
from infra.settings import Settings
from projections.follow_ups import FollowUpPeriod
from projections.order_states import OrderState
from projections.views.as_of import AsOf
from projections.views.follow_ups import owed_by_facts
from projections.views.in_force import SPANS, in_force
from projections.views.open_orders import is_open, state
from projections.views.overdue_deliveries import overdue_deliveries
from projections.views.tables import follow_up_periods, order_states
from tests.stores.conftest import StoreUrl
from tests.unit.domain.facts import oclock

MICROSECOND = timedelta(microseconds=1)
WEEKS = 60
lengths = st.sampled_from([MICROSECOND, *(span + off for span in SPANS for off in (-MICROSECOND, timedelta(0)))]) | (
    st.timedeltas(MICROSECOND, WEEKS * timedelta(weeks=1))
)
began = st.timedeltas(timedelta(0), WEEKS * timedelta(weeks=1)).map(lambda after: oclock(0) + after)
Period = tuple[datetime, datetime | None]
periods = st.builds(
    lambda start, length: (start, None if length is None else start + length), began, st.none() | lengths
)


@pytest.fixture
def store(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store())) as waybill:
        yield waybill


def put(connection: Connection, drawn: Sequence[Period]) -> None:
    """An order and a follow-up for each period; every fourth order was closed then."""
    connection.execute(delete(order_states))
    connection.execute(delete(follow_up_periods))
    states, owed = [], []
    for number, (start, end) in enumerate(drawn):
        values: dict[str, Any] = dict.fromkeys(OrderState._fields)
        values |= {"order_id": f"SO-{number}", "valid_from": start, "valid_to": end, "rep_id": "rep-1"}
        values |= {"status": "open" if number % 4 else "delivered", "segment": "b2b", "channel": "visit"}
        values |= {"placed_at": start, "promised_by": start + timedelta(days=number % 9), "currency": "EUR"}
        values |= {"original_promised_by": start, "left_to_book": False, "expedite": "none", "expedites_open": 0}
        values |= {"follow_ups_owed": 0, "delivery_attempts": 0, "order_value": Decimal(1), "open_value": Decimal(1)}
        states.append({**values, "lines": 1, "shipments": 0})
        owed.append(FollowUpPeriod(f"SO-{number}", "delay", "", start, end, "rep-1", None, start, None)._asdict())
    connection.execute(insert(order_states), states)
    connection.execute(insert(follow_up_periods), owed)


def found(connection: Connection, table: Any, *conditions: Any) -> set[str]:
    return set(connection.execute(select(table.c.order_id).where(*conditions)).scalars())


def without_scans(connection: Connection) -> None:
    """PostgreSQL scans such small tables, unless it is told not to."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_seqscan = off"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(periods, min_size=1, max_size=4), at=began)
def test_the_index_finds_what_a_scan_finds_at_any_instant_and_at_all_borders(
    store: Waybill, drawn: list[Period], at: datetime
) -> None:
    borders = {instant for period in drawn for instant in period if instant is not None}
    instants = {at, *(border + off for border in borders for off in (-MICROSECOND, timedelta(0), MICROSECOND))}
    with store.engine.connect() as connection, connection.begin() as trial:
        put(connection, drawn)
        without_scans(connection)
        for instant in sorted(instants):
            then = AsOf.at(instant)
            opened = {f"SO-{n}" for n, (a, z) in enumerate(drawn) if n % 4 and a <= instant and (not z or z > instant)}
            plain = and_(then.holds(order_states), state.status == "open")
            assert found(connection, order_states, is_open(then)) == found(connection, order_states, plain) == opened
            due = state.promised_by < instant
            assert found(connection, order_states, is_open(then, due)) == found(connection, order_states, plain, due)
            held = found(connection, follow_up_periods, then.holds(follow_up_periods))
            assert found(connection, follow_up_periods, in_force(then, follow_up_periods)) == held
        trial.rollback()


def test_a_question_about_the_past_reads_the_index_of_lengths(store: Waybill) -> None:
    then = AsOf.at(oclock(100))
    with store.engine.connect() as connection:
        without_scans(connection)
        for question, index in (
            (overdue_deliveries(then), "order_states_open_then"),
            (select(follow_up_periods).where(owed_by_facts(then)), "follow_up_periods_owed_then"),
        ):
            sql = str(question.compile(store.engine, compile_kwargs={"literal_binds": True}))
            explain = "EXPLAIN QUERY PLAN" if store.engine.dialect.name == "sqlite" else "EXPLAIN"
            plan = "\n".join(str(row[-1]) for row in connection.execute(text(f"{explain} {sql}".replace(":", r"\:"))))
            assert index in plan


def test_the_instants_at_the_ends_of_the_calendar_can_be_asked_for(store: Waybill) -> None:
    first, last = datetime.min.replace(tzinfo=oclock(0).tzinfo), datetime.max.replace(tzinfo=oclock(0).tzinfo)
    with store.engine.connect() as connection, connection.begin() as trial:
        put(connection, [(first, None), (first, last), (first, first + MICROSECOND), (oclock(0), None)])
        for instant in (first, first + MICROSECOND, oclock(0), last):
            then = AsOf.at(instant)
            plain = found(connection, follow_up_periods, then.holds(follow_up_periods))
            assert found(connection, follow_up_periods, in_force(then, follow_up_periods)) == plain
        trial.rollback()
