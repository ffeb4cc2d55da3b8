"""given a floor of which news came late, when a view is restated, then it is the difference of its two answers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.app.container import Waybill
from infra.app.restated import restated
from infra.queries.views import Asked
from infra.settings import Settings
from projections.diff import diff
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View, view_named
from tests.integration.command import Command
from tests.integration.messages import booked, confirmed, message, placed
from tests.simulated_store import FLOOR_ENDS, ORDER_HEARD_LATE, fill_with_floor
from tests.stores.conftest import StoreUrl

T = datetime(2026, 6, 19, tzinfo=UTC)
KNOWN, LATER = T + timedelta(hours=6), T + timedelta(days=8)


@pytest.fixture
def floor(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store()), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 60, wrong=0.1)
        yield waybill


def answer(waybill: Waybill, view: View, asked: Asked) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in waybill.views.ask(view, asked).rows]


def test_every_view_is_restated_by_its_two_answers(floor: Waybill) -> None:
    differing = 0
    for number, view in enumerate((*VIEWS, ALL_ORDER_STATES)):
        # given both clocks, now or at a later instant
        then, as_of = (LATER, T) if number % 2 else (None, None)
        before = answer(floor, view, Asked(as_of, KNOWN))
        after = answer(floor, view, Asked(as_of, then))
        # when
        found = restated(floor, view, KNOWN, then, as_of)
        # then
        assert [one.change for one in found.rows] == diff(view.columns, view.key, before, after), view.relation
        assert (found.tally.added, found.tally.gone, found.tally.changed) == (
            sum(one.kind == "appeared" for one in found.rows),
            sum(one.kind == "vanished" for one in found.rows),
            sum(one.kind == "changed" for one in found.rows),
        )
        differing += bool(found.rows)
    assert differing > 8


def test_what_was_recorded_meanwhile_about_the_order_is_named(floor: Waybill) -> None:
    found = restated(floor, view_named("overdue"), KNOWN, as_of=T)

    (late,) = [one for one in found.rows if one.change.key == (ORDER_HEARD_LATE,)]
    (message,) = late.messages
    assert late.kind == "vanished"
    assert (message.type, message.recorded_at) == ("delivery.confirmed.v1", datetime(2026, 6, 25, 7, tzinfo=UTC))
    # what happened after T changes nothing at T
    for one in restated(floor, view_named("orders"), KNOWN, as_of=T).rows:
        assert one.messages
    # nor is it named before it was recorded
    day_before = datetime(2026, 6, 24, tzinfo=UTC)
    assert all(
        one.change.key != (ORDER_HEARD_LATE,)
        for one in restated(floor, view_named("overdue"), KNOWN, day_before, as_of=T).rows
    )


# The command itself.

HISTORY = (
    placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z", recordedtime="2025-03-03T09:00:00Z"),
    booked("SO-1", "2025-03-03T10:00:00Z", "2025-03-07T12:00:00Z", recordedtime="2025-03-03T10:00:00Z"),
    confirmed("SO-1", "2025-03-06T11:00:00Z", id="CONFIRMED", recordedtime="2025-03-20T08:00:00Z"),
    placed("SO-2", "2025-03-04T09:00:00Z", "2025-03-07T12:00:00Z", recordedtime="2025-03-04T09:00:00Z"),
    message(
        "order.reassigned",
        "SO-2",
        "2025-03-05T09:00:00Z",
        {"rep_id": "rep-2"},
        id="REASSIGNED",
        recordedtime="2025-03-21T08:00:00Z",
    ),
)
CLOCKS = ("--as-of", "2025-03-10T00:00:00Z", "--known-at", "2025-03-10T00:00:00Z")


def said(id: str, type_: str, recorded_at: str) -> dict[str, str]:
    return {"source": "/order-entry", "id": id, "type": type_, "recorded_at": recorded_at}


def test_the_command_tells_the_rows_column_by_column(waybill: Command) -> None:
    waybill("ingest", "--history", waybill.file("history.jsonl", *HISTORY)).done()

    first, second = waybill.ask("restated", "overdue_deliveries", *CLOCKS)

    assert {name: first[name] for name in ("order_id", "change", "column", "is")} == {
        "order_id": "SO-1",
        "change": "vanished",
        "column": None,
        "is": None,
    }
    assert first["was"]["promised_by"] == "2025-03-07T12:00:00Z"
    assert first["messages"] == [said("CONFIRMED", "delivery.confirmed.v1", "2025-03-20T08:00:00Z")]
    assert second == {
        "order_id": "SO-2",
        "change": "changed",
        "column": "rep_id",
        "was": "rep-1",
        "is": "rep-2",
        "messages": [said("REASSIGNED", "order.reassigned.v1", "2025-03-21T08:00:00Z")],
    }
    # what was known on the 20th has the first alone
    then = waybill("restated", "overdue", *CLOCKS, "--then", "2025-03-20T12:00:00Z")
    assert "1 row reads differently as known at 2025-03-20 12:00Z than known at 2025-03-10 00:00Z" in then.done().text
    assert "0 appeared, 1 vanished, 0 changed" in then.text
    # the rows of a rep are those that were or are the rep's
    of_reps = [waybill.ask("restated", "overdue", *CLOCKS, "--rep", rep) for rep in ("rep-1", "rep-2")]
    assert of_reps == [[first, second], [second]]
    waybill("restated", "overdue", *CLOCKS, "--rep", "rep-3").exited(1, "no message speaks of rep rep-3")
    # and a table has the change and its message
    table = waybill("restated", "overdue", *CLOCKS).done().text
    assert "rep_id" in table and "REASSIGNED" in table and "1 vanished, 1 changed (rep_id 1)" in table
    # a row about many orders names none
    assert "compare orders" in waybill("restated", "workload", *CLOCKS).done().text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("dead-letters", *CLOCKS), "nothing of it is restated: compare waybill dead-letters list"),
        (("contacts", *CLOCKS), "contacts is not one of overdue_deliveries,"),
        (("overdue",), "--known-at"),
        (("overdue", *CLOCKS, "--then", "2025-03-09"), "must be after --known-at 2025-03-10 00:00Z"),
        (("order-lines", *CLOCKS, "--rep", "rep-1"), "has no rep_id column"),
    ],
)
def test_wrong_usage_of_restated_names_the_fix(waybill: Command, arguments: tuple[str, ...], told: str) -> None:
    waybill("restated", *arguments).exited(2, told)
