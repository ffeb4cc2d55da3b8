"""What holds of the answers about the past: what was true at an instant, and what was known at one."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import MessageVoided
from domain.order.summary import OrderSummary
from domain.streams import settle_stream
from infra.app.container import Waybill
from infra.queries.views import Asked
from projections.views.catalogue import VIEWS, View, view_named
from tests.property.histories import HOURS
from tests.property.messages import Message, by_stream, deliveries_of, well_formed_messages
from tests.property.stores import Store, a_store, answers_of, deliver, on_each_database, project, small_and_quiet, tried
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import oclock

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")

MICROSECOND = timedelta(microseconds=1)
TOLD_HOURS = sorted({hour + delay for hour in HOURS for delay in (0, 1, 30)})
"""All hours at which anything happens or is recorded."""

happening = st.sampled_from([oclock(hour) for hour in HOURS] * 3 + [oclock(hour) - MICROSECOND for hour in HOURS])
recording = st.sampled_from([oclock(hour) for hour in TOLD_HOURS] * 3 + [oclock(12) - MICROSECOND])
some_views = st.permutations(VIEWS).map(lambda views: views[:2])


def heard(store: Store, sent: Iterable[Message], data: st.DataObject) -> Waybill:
    """The service after a history was imported, in some order and in several parts."""
    deliver(store, data.draw(deliveries_of(list(sent), projecting=False)), history=True)
    waybill = store.process()
    project(waybill)
    return waybill


def moments_of(sent: Iterable[Message]) -> st.SearchStrategy[datetime]:
    """Instants at which anything took effect, above all those at which an order was completed, or just before."""
    moments, completions = [oclock(HOURS[0])], completions_of(sent)
    for stream, facts in by_stream(sent).items():
        moments += [moment.at for moment in settle_stream(stream, facts).moments]
    exactly = st.one_of(*(st.sampled_from(instants) for instants in (moments, completions) if instants))
    return exactly | exactly.map(lambda instant: instant - MICROSECOND)


def completions_of(sent: Iterable[Message]) -> list[datetime]:
    """When orders were completed."""
    stood = [settle_stream(stream, facts).moments[-1:] for stream, facts in by_stream(sent).items()]
    standings = [last.summary for moments in stood for last in moments if isinstance(last.summary, OrderSummary)]
    return sorted({standing.delivered_at for standing in standings if standing.delivered_at})


def had_happened_by(instant: datetime) -> Callable[[Message], bool]:
    """Voids have always: they speak of the record, not of the day."""
    return lambda sent: (
        sent.fact is not None and (sent.fact.occurred_at <= instant or isinstance(sent.fact, MessageVoided))
    )


def was_recorded_by(instant: datetime) -> Callable[[Message], bool]:
    return lambda sent: sent.fact is not None and sent.fact.recorded_at <= instant


def orders_in(sent: Iterable[Message]) -> list[str]:
    return sorted({one.subject for one in sent})


def timeline_of(
    waybill: Waybill, order: str, as_of: datetime | None = None, known_at: datetime | None = None
) -> tuple[Any, list[Any]]:
    """How the order stood, and what happened to it.

    Positions and verdicts that changed tell how we came to know. A void that waited until later is not in the prefix's
    stream, for nobody knew then that it is about an order; what became of the voided is told in either case.
    """
    told = waybill.orders.order(order, waybill.clock(), as_of, known_at)
    about_the_record = ("MessageVoided", "VerdictChanged")
    timeline = (
        [entry._replace(position=0) for entry in told.timeline if entry.event not in about_the_record] if told else []
    )
    return (told.summary if told else None), timeline


def check_untaken(waybill: Waybill, as_of: datetime | None = None, known_at: datetime | None = None) -> None:
    """What was not taken of an order is listed with it, as many as the views count."""
    for view in ("overdue", "at-risk"):
        for row in waybill.views.ask(view_named(view), Asked(as_of, known_at)).rows:
            told = waybill.orders.order(row["order_id"], waybill.clock(), as_of, known_at)
            assert told is not None
            assert len(told.untaken) == row["untaken_messages"]


# -- what was true -------------------------------------------------------------------------------


def by_the_day(answers: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Answers without the messages that were not taken: these count by the verdicts of today, or of the known instant,
    not by those of the asked-for day."""
    return {
        view: [{name: value for name, value in row.items() if name != "untaken_messages"} for row in rows]
        for view, rows in answers.items()
    }


@tried(0.3)
@given(well_formed_messages(), st.data())
def test_as_of_an_instant_is_what_a_store_says_that_heard_only_of_what_had_happened_by_then(
    sent: list[Message], data: st.DataObject
) -> None:
    instant = data.draw(moments_of(sent), label="as of")
    with a_store() as whole_store, a_store() as prefix_store:
        # given
        whole = heard(whole_store, sent, data)
        prefix = heard(prefix_store, filter(had_happened_by(instant), sent), data)
        prefix_store.clock.now = instant
        # then
        asked_now, asked_of_then = by_the_day(answers_of(prefix)), by_the_day(answers_of(prefix, instant))
        assert by_the_day(answers_of(whole, instant)) == asked_of_then == asked_now
        check_untaken(whole, instant)
        for order in orders_in(sent):
            assert timeline_of(whole, order, instant) == timeline_of(prefix, order)
        # and what was delivered late by an instant is the beginning of what is known to be, but for who brought it last
        late = [view_named("late")]
        in_the_end = answers_of(whole, views=late)["late"]
        for completion in completions_of(sent):
            by_then = [row for row in in_the_end if row["delivered_at"] <= completion]
            answered = answers_of(whole, completion, views=late)["late"]
            assert [_without_carrier(row) for row in answered] == [_without_carrier(row) for row in by_then]


def _without_carrier(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("carrier", "mode")}


# -- what was known ------------------------------------------------------------------------------


@tried(0.25)
@given(well_formed_messages(), recording, st.none() | happening, some_views, st.data())
def test_known_at_an_instant_is_what_a_store_says_that_had_recorded_no_more_by_then(
    sent: list[Message], known_at: datetime, as_of: datetime | None, views: list[View], data: st.DataObject
) -> None:
    with a_store() as whole_store, a_store() as prefix_store:
        # given
        whole = heard(whole_store, sent, data)
        prefix = heard(prefix_store, filter(was_recorded_by(known_at), sent), data)
        whole_store.clock.now = prefix_store.clock.now = data.draw(happening | recording, label="clock")
        # then
        assert answers_of(whole, as_of, known_at, views) == answers_of(prefix, as_of, views=views)
        check_untaken(whole, as_of, known_at)
        for order in orders_in(sent):
            assert timeline_of(whole, order, as_of, known_at) == timeline_of(prefix, order, as_of)


@tried(0.25)
@given(well_formed_messages(), recording, happening, some_views, st.data())
def test_both_clocks_together_are_what_a_store_says_that_got_neither_later_news_nor_later_records(
    sent: list[Message], known_at: datetime, as_of: datetime, views: list[View], data: st.DataObject
) -> None:
    with a_store() as whole_store, a_store() as prefix_store:
        # given
        whole = heard(whole_store, sent, data)
        told_by_then = filter(was_recorded_by(known_at), filter(had_happened_by(as_of), sent))
        prefix = heard(prefix_store, told_by_then, data)
        prefix_store.clock.now = as_of
        # then
        expected = by_the_day(answers_of(prefix, views=views))
        assert by_the_day(answers_of(whole, as_of, known_at, views)) == expected
        for order in orders_in(sent):
            assert timeline_of(whole, order, as_of, known_at) == timeline_of(prefix, order)


@tried(0.1)
@given(well_formed_messages(), st.none() | happening, some_views, st.data())
def test_known_at_the_present_is_what_is_known(
    sent: list[Message], as_of: datetime | None, views: list[View], data: st.DataObject
) -> None:
    with a_store() as store:
        waybill = heard(store, sent, data)
        store.clock.now = data.draw(happening | recording, label="clock")
        latest = oclock(max(TOLD_HOURS))
        assert answers_of(waybill, as_of, latest, views) == answers_of(waybill, as_of, views=views)


# -- what is received is recorded then -----------------------------------------------------------


@tried(0.15)
@given(well_formed_messages(), some_views, st.data())
def test_without_history_what_was_known_is_what_had_been_received(
    sent: list[Message], views: list[View], data: st.DataObject
) -> None:
    """recordedtime is heeded only where an operator imports history."""
    deliveries = data.draw(deliveries_of(sent), label="deliveries")
    cut = data.draw(st.integers(0, len(deliveries)), label="by then")
    with a_store() as whole_store, a_store() as prefix_store:
        # given
        known_at = whole_store.clock.now
        deliver(prefix_store, deliveries[:cut])
        deliver(whole_store, deliveries[:cut])
        whole_store.clock.now += MICROSECOND
        deliver(whole_store, deliveries[cut:])
        # when
        project(prefix_store.process())
        project(whole_store.process())
        # then
        whole_store.clock.now = prefix_store.clock.now = data.draw(happening, label="clock")
        answers = answers_of(whole_store.process(), None, known_at, views)
        assert answers == answers_of(prefix_store.process(), views=views)


# -- part of an answer ---------------------------------------------------------------------------


@tried(0.1)
@given(well_formed_messages(), st.none() | happening, st.data())
def test_filtered_answers_are_the_answers_filtered(
    sent: list[Message], as_of: datetime | None, data: st.DataObject
) -> None:
    with a_store() as store:
        waybill = heard(store, sent, data)
        for view in (view for view in VIEWS if "rep_id" in view.columns):
            rows = waybill.views.ask(view, Asked(as_of)).rows
            for rep in ("ann", "bob", "nobody"):
                filtered = waybill.views.ask(view, Asked(as_of), {"rep_id": rep}).rows
                assert filtered == [row for row in rows if row["rep_id"] == rep]
