"""given messages of an upstream, then a dry run says what voiding them does and stores nothing, and they are voided."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.contract.fields import read_condition
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.message_changes import ChangeEffect
from infra.app.verify import verify_store
from infra.app.view_effects import KEYS
from infra.app.void import CannotVoidError
from infra.app.void_many import do_voids, plan_voids
from infra.queries.selected_messages import MessageFilter, SelectedMessages
from infra.queries.views import Asked
from projections.catalogue import PROJECTIONS
from projections.diff import diff
from projections.views.catalogue import view_named
from tests.integration.messages import SOURCE
from tests.stores.conftest import StoreUrl
from tests.stores.two_orders import CARRIER, NOW, filled, rows


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with filled(sqlite_store()) as waybill:
        yield waybill


@pytest.fixture
def each_store(new_store: StoreUrl) -> Iterator[Waybill]:
    with filled(new_store()) as waybill:
        yield waybill


def seen(waybill: Waybill) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of orders in the views now, without the messages that were not taken."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for relation in KEYS:
        rows = waybill.views.ask(view_named(relation), Asked()).rows
        found[relation] = [
            tuple(0 if name == "untaken_messages" else row[name] for name in view_named(relation).columns)
            for row in rows
        ]
    return found


def plan(waybill: Waybill, wanted: MessageFilter) -> ChangeEffect:
    return plan_voids(waybill, wanted, "wrong", samples=50)


def test_the_dry_run_says_what_would_be_void_and_which_rows_differ_and_stores_nothing(waybill: Waybill) -> None:
    before, head = rows(waybill), waybill.history.head()

    effect = plan(waybill, MessageFilter(source=CARRIER))

    assert [tuple(count) for count in effect.wrong] == [
        ("delivery.confirmed.v1", "applied", 1),
        ("delivery.confirmed.v1", "held", 1),
        ("shipment.dispatched.v1", "applied", 2),
    ]
    assert (effect.messages, effect.subjects, effect.already_void) == (4, 3, 0)
    tables = {each.table: each for each in effect.tables}
    shipments = tables["shipment_periods"]
    assert {column for change in shipments.samples for column, *_ in change.columns} >= {
        "dispatched_at",
        "delivered_at",
    }
    assert {change.key[:1] for change in shipments.samples} == {("SO-1",), ("SO-2",)}
    assert tables["order_line_periods"].differs
    assert tables["rep_open_orders"].changed == 1
    assert not tables["rep_periods"].differs
    assert (rows(waybill), waybill.history.head()) == (before, head)


def test_what_is_done_changes_exactly_the_rows_that_the_dry_run_named(each_store: Waybill) -> None:
    """The dry run's counts are those of a diff between the rows before and after."""
    waybill = each_store
    effect = plan(waybill, MessageFilter(source=CARRIER))
    assert not any(each.differs for each in diff_projections(waybill, PROJECTIONS))
    before = seen(waybill)

    done = do_voids(waybill, MessageFilter(source=CARRIER), "wrong", "ann")

    assert {verdict.value: count for verdict, count in done.voids.items()} == {"applied": 4}
    assert verify_store(waybill).findings == []
    again = plan(waybill, MessageFilter(source=CARRIER))
    assert (again.messages, again.already_void) == (0, 4)
    assert not any(each.differs for each in again.tables)
    undone = plan(waybill, MessageFilter(correlation_id=done.act_id))
    told = [(e.table, e.added, e.gone, e.changed, e.columns) for e in effect.tables]
    assert told == [(e.table, e.gone, e.added, e.changed, e.columns) for e in undone.tables]
    changes = {
        name: diff(view_named(name).columns, KEYS[name], before[name], rows) for name, rows in seen(waybill).items()
    }
    expected = {name: Counter(change.kind for change in changed) for name, changed in changes.items() if changed}
    named = {e.view: Counter({"added": e.added, "gone": e.gone, "changed": e.changed}) for e in effect.views}
    assert {view_named(name).relation: +counts for name, counts in named.items()} == expected
    assert {"overdue_deliveries", "orders", "shipments"} <= set(expected)


def test_messages_that_build_on_the_wrong_ones_are_named(waybill: Waybill) -> None:
    effect = plan(waybill, MessageFilter(source=SOURCE, type="shipment.booked.v1", subject="SO-1"))

    assert [tuple(shift) for shift in effect.shifts] == [
        ("delivery.confirmed.v1", "applied", "held", 1),
        ("shipment.dispatched.v1", "applied", "held", 1),
    ]
    assert {lost.id for lost in effect.no_longer_applied} == {"D-1", "C-1"}
    done = do_voids(waybill, MessageFilter(source=SOURCE, type="shipment.booked.v1", subject="SO-1"), "wrong", "ann")
    assert {lost.id for lost in done.no_longer_applied} == {"D-1", "C-1"}


SELECTIONS = (
    (MessageFilter(type="shipment.dispatched.v1"), 2),
    (MessageFilter(subject="SO-2"), 1),
    (MessageFilter(since=datetime(2025, 3, 6, 9, tzinfo=UTC)), 3),
    (MessageFilter(until=datetime(2025, 3, 6, 9, tzinfo=UTC)), 1),
    (MessageFilter(received_since=NOW), 4),
    (MessageFilter(received_until=NOW), 0),
    (MessageFilter(where=[read_condition("data.shipment_id=S2", UTC)]), 1),
)


def test_a_selection_is_narrowed_alike_for_the_dry_run_and_for_what_is_done(each_store: Waybill) -> None:
    waybill = each_store
    selected = SelectedMessages(waybill.backend)
    for narrowed, count in SELECTIONS:
        wanted = narrowed._replace(source=CARRIER)
        assert plan(waybill, wanted).messages == count, narrowed
        assert sum(len(some) for some in selected.standing(wanted, NOW, 2)) == count, narrowed


def test_a_message_that_was_voided_and_is_not_any_more_is_voided_again(waybill: Waybill) -> None:
    wanted = MessageFilter(source=CARRIER, subject="SO-2")
    first = do_voids(waybill, wanted, "wrong", "ann")
    do_voids(waybill, MessageFilter(correlation_id=first.act_id), "right after all", "ann")

    second = do_voids(waybill, wanted, "wrong", "ann")

    assert (sum(second.voids.values()), second.continued) == (1, False)
    assert second.act_id != first.act_id
    assert waybill.messages.find(CARRIER, "D-2")[0].verdict == "refused"


def test_what_cannot_be_voided_is_said_before_anything_is_stored(waybill: Waybill) -> None:
    head = waybill.history.head()
    with pytest.raises(CannotVoidError, match="--source"):
        do_voids(waybill, MessageFilter(subject="SO-1"), "wrong", "ann")
    with pytest.raises(CannotVoidError, match="is a reactor of Waybill's own"):
        do_voids(waybill, MessageFilter(source="urn:waybill:reactor:parcels"), "wrong", "ann")
    with pytest.raises(CannotVoidError, match="--reason"):
        do_voids(waybill, MessageFilter(source=CARRIER), " ", "ann")
    assert waybill.history.head() == head
