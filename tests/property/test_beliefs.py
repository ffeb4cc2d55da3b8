"""Stored beliefs answer what settling the facts again answers, whatever is told in whatever order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock_holds import as_held_at
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import settle, up_to
from domain.standing_order.events import Every
from domain.streams import split_stream_name
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.beliefs.known import known_over_time
from infra.queries import views
from infra.queries.believed import answering_beliefs
from infra.queries.views import Asked
from projections import order_beliefs as beliefs
from projections.catalogue import BITEMPORAL
from projections.order_beliefs import order_beliefs, shape, unapplied_beliefs
from projections.order_states import states_of
from projections.projection import Believed
from projections.runner import Runner
from projections.views.beliefs import can_be_believed
from projections.views.catalogue import VIEWS
from tests.property.histories import HOURS
from tests.property.messages import (
    Message,
    by_stream,
    deliveries_of,
    message,
    messages_of_every_sort,
    voids_of,
    well_formed_messages,
)
from tests.property.parcels import orders_and_parcels
from tests.property.stores import (
    LONG_AFTER,
    Store,
    a_store,
    deliver,
    findings_in,
    on_each_database,
    project,
    small_and_quiet,
    tried,
)
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import account_registered, cancelled, established, oclock, placed, rescheduled, stopped

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]

SKEW = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
DAY = 24
instants = st.sampled_from([*HOURS, *(hour + later for hour in HOURS for later in (-1, 1, 30, 10 * DAY))]).map(oclock)
just_about = st.sampled_from((timedelta(0), timedelta(0), -MOMENT))
BELIEVED = [view for view in VIEWS if can_be_believed(view)]


# -- one order, in memory ------------------------------------------------------------------------


@tried(1)
@given(well_formed_messages(), st.data())
def test_the_rows_at_two_instants_are_what_settling_the_facts_known_then_gives(
    sent: list[Message], data: st.DataObject
) -> None:
    saved_every = data.draw(st.sampled_from((1, 2, 3, 64)), label="settlings are saved every")
    for stream, facts in by_stream(sent).items():
        kind, order_id = split_stream_name(stream)
        if kind is not ORDER:
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(beliefs, "SAVED_EVERY", saved_every)
            shaped: dict[str, list[Any]] = {t: list(rows) for t, rows in shape(believed(order_id, facts)).items()}
        rows = shaped[order_beliefs.name]
        for _ in range(5):
            as_of, known_at = data.draw(instants, label="as of"), data.draw(instants, label="known at")
            then = as_held_at(up_to(facts, recorded=known_at), known_at, SKEW)
            lasting = list(states_of(settle(ORDER.decider, order_id, then).moments))
            expected = [row for row in lasting if holds(row.valid_from, row.valid_to, as_of)]
            assert [state_of(row) for row in rows if is_at(row, as_of, known_at)] == [row._asdict() for row in expected]
            outcomes = settle(ORDER.decider, order_id, then).outcomes
            assert {
                (row.source, row.message_id): row.verdict
                for row in shaped[unapplied_beliefs.name]
                if holds(row.known_from, row.known_to, known_at)
            } == {
                key: "voided" if outcome.voided else outcome.verdict
                for key, outcome in outcomes.items()
                if outcome.verdict is not Verdict.APPLIED
            }


def believed(order_id: str, facts: Sequence[Fact]) -> Believed:
    return Believed(ORDER, order_id, lambda: known_over_time(order_id, facts, {}, (), SKEW))


def holds(begin: datetime, end: datetime | None, instant: datetime) -> bool:
    return begin <= instant and (end is None or instant < end)


def is_at(row: Any, as_of: datetime, known_at: datetime) -> bool:
    return holds(row.valid_from, row.valid_to, as_of) and holds(row.known_from, row.known_to, known_at)


def state_of(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in ("known_from", "known_to")}


# -- a store -------------------------------------------------------------------------------------

on_stores = pytest.mark.usefixtures("small_and_quiet", "on_each_database")


def bitemporal(store: Store) -> Waybill:
    waybill = store.process()
    waybill.rows.create(BITEMPORAL)
    return waybill


def beliefs_runner(waybill: Waybill, batch_events: int) -> Runner:
    settler = waybill.belief_settlers.in_use()
    return Runner(waybill.history, waybill.rows, BITEMPORAL, batch_events, settler=settler)


def now_and_then(chance: Random) -> Callable[[Waybill], None]:
    """Between deliveries, at random, a batch of any size is projected."""

    def step(waybill: Waybill) -> None:
        for _ in range(chance.randrange(3)):
            beliefs_runner(waybill, chance.choice((1, 2, 5, 100))).step()

    return step


def catch_up(waybill: Waybill) -> None:
    project(waybill)
    while beliefs_runner(waybill, 1_000).step():
        pass


def check_answers(waybill: Waybill, clocks: Iterable[tuple[datetime | None, datetime]]) -> None:
    with waybill.engine.connect() as connection:
        assert answering_beliefs(connection, waybill.history, waybill.clock()) is not None
    for as_of, known_at in clocks:
        from_beliefs = answers(waybill, as_of, known_at)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(views, "answering_beliefs", lambda *_: None)
            assert from_beliefs == answers(waybill, as_of, known_at), (as_of, known_at)


def answers(waybill: Waybill, as_of: datetime | None, known_at: datetime) -> Mapping[str, Any]:
    return {view.command: waybill.views.ask(view, Asked(as_of, known_at)).rows for view in BELIEVED}


def some_clocks(data: st.DataObject) -> list[tuple[datetime | None, datetime]]:
    about = st.tuples(instants, just_about).map(sum_of)
    return data.draw(st.lists(st.tuples(st.none() | about, about), min_size=2, max_size=4), label="clocks")


def sum_of(parts: tuple[datetime, timedelta]) -> datetime:
    return parts[0] + parts[1]


@on_stores
@tried(0.05)
@given(well_formed_messages(), st.data())
def test_beliefs_answer_what_settling_answers_of_any_imported_history(sent: list[Message], data: st.DataObject) -> None:
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as store:
        waybill = bitemporal(store)
        deliver(store, data.draw(deliveries_of(sent)), history=True, after_each=now_and_then(chance))
        catch_up(waybill)
        check_answers(waybill, some_clocks(data))
        assert findings_in(waybill) == []


@on_stores
@tried(0.05)
@given(messages_of_every_sort(), st.data())
def test_beliefs_answer_what_settling_answers_of_messages_as_they_come_even_ahead_of_the_clock(
    sent: list[Message], data: st.DataObject
) -> None:
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as store:
        waybill = bitemporal(store)
        store.clock.now = oclock(8)

        def later(one: Waybill) -> None:
            now_and_then(chance)(one)
            store.clock.now += timedelta(hours=chance.choice((0, 1, 2, 30)))

        deliver(store, data.draw(deliveries_of(sent)), after_each=later)
        waybill.ingest().wake()
        catch_up(waybill)
        by_now = [(as_of, min(known_at, store.clock.now)) for as_of, known_at in some_clocks(data)]
        check_answers(waybill, by_now)
        store.clock.now = LONG_AFTER
        waybill.ingest().wake()
        catch_up(waybill)
        check_answers(waybill, some_clocks(data))
        assert findings_in(waybill) == []


@on_stores
@tried(0.05)
@given(orders_and_parcels(), st.data())
def test_beliefs_follow_from_scans_whether_or_not_a_reactor_has_said_them(
    sent: list[Message], data: st.DataObject
) -> None:
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as store:
        waybill = bitemporal(store)
        deliver(store, data.draw(deliveries_of(sent)), history=True, after_each=now_and_then(chance))
        if data.draw(st.booleans(), label="reacts"):
            waybill.react(Event(), once=True)
        catch_up(waybill)
        check_answers(waybill, some_clocks(data))


# -- standing orders -----------------------------------------------------------------------------

days = st.integers(0, 40)


@st.composite
def standing_orders(draw: st.DrawFn) -> list[Message]:
    """A standing order whose terms, account and end come at any time and are recorded at any later one.

    Its orders are spoken of too, before or after it is known.
    """
    told: list[tuple[str, Fact]] = []
    for _ in range(draw(st.integers(1, 3))):
        told.append(("12", established(8 + DAY * draw(days), every=Every(days=draw(st.sampled_from((1, 7)))))))
    for _ in range(draw(st.integers(0, 2))):
        zone = draw(st.sampled_from((None, "Pacific/Kiritimati", "America/New_York")))
        told.append(("ALFKI", account_registered(8 + DAY * draw(days), time_zone=zone)))
    if draw(st.booleans()):
        told.append(("12", stopped(8 + DAY * draw(days))))
    for _ in range(draw(st.integers(0, 2))):
        at = 8 + DAY * draw(days)
        fact = draw(st.sampled_from((rescheduled(at, at + 10), cancelled(at), placed(at))))
        told.append((f"12-{draw(st.sampled_from(('2026-03-02', '2026-03-09', '2026-03-10')))}", fact))
    named = [
        (
            subject,
            msgspec.structs.replace(
                fact,
                message_id=f"m/{number}",
                recorded_at=fact.occurred_at + timedelta(hours=draw(st.sampled_from((0, 1, 30, 10 * DAY)))),
            ),
        )
        for number, (subject, fact) in enumerate(told)
    ]
    named += draw(voids_of(named))
    return draw(st.permutations([message(subject, fact) for subject, fact in named]))


@on_stores
@tried(0.05)
@given(standing_orders(), st.data())
def test_beliefs_have_the_orders_that_standing_orders_had_placed_stored_or_not(
    sent: list[Message], data: st.DataObject
) -> None:
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as store:
        waybill = bitemporal(store)
        store.clock.now = oclock(60 * DAY)

        def react_at_times(one: Waybill) -> None:
            if chance.randrange(2):
                one.react(Event(), once=True)
            now_and_then(chance)(one)

        deliver(store, data.draw(deliveries_of(sent)), history=True, after_each=react_at_times)
        waybill.react(Event(), once=True)
        catch_up(waybill)
        hours = st.integers(0, 45 * DAY).map(lambda hour: oclock(8 + hour))
        clocks = data.draw(st.lists(st.tuples(st.none() | hours, hours), min_size=2, max_size=4), label="clocks")
        check_answers(waybill, clocks)
        assert findings_in(waybill) == []
