"""given messages of an upstream, then a dry run says what voiding or correcting them does, and stores nothing."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.contract.fields import read_assignment, read_condition
from domain.operator.acts import MessagesCorrected
from domain.order.events import OrderPlaced
from infra.app.container import Waybill
from infra.app.correct import (
    CannotCorrectError,
    do_corrections,
    file_of_messages,
    one_message,
    plan_corrections,
    selected_messages,
)
from infra.app.diff import diff_projections
from infra.app.message_changes import ChangeEffect
from infra.app.verify import verify_store
from infra.app.view_effects import KEYS
from infra.app.void import CannotVoidError, void_message
from infra.app.void_many import do_voids, plan_voids
from infra.queries.selected_messages import MessageFilter, SelectedMessages
from infra.queries.views import Asked
from infra.settings import Settings
from projections.catalogue import PROJECTIONS
from projections.diff import diff
from projections.views.catalogue import view_named
from tests.integration.messages import SOURCE, Document, booked, confirmed, dispatched, placed, registered
from tests.stores.conftest import StoreUrl
from tests.stores.test_hand_over import take_in

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
CARRIER = "/carrier"
FLOOR = (
    registered("rep-1", EARLY, "Ann"),
    placed("SO-1", EARLY, PROMISE, id="O-1"),
    booked("SO-1", "2025-03-04T09:00:00Z", PROMISE, id="B-1"),
    dispatched("SO-1", "2025-03-05T09:00:00Z", id="D-1", source=CARRIER),
    confirmed("SO-1", "2025-03-06T09:00:00Z", id="C-1", source=CARRIER),
    placed("SO-2", EARLY, PROMISE, id="O-2"),
    booked("SO-2", "2025-03-04T09:00:00Z", PROMISE, id="B-2", shipment="S2"),
    dispatched("SO-2", "2025-03-07T09:00:00Z", shipment="S2", id="D-2", source=CARRIER),
    confirmed("SO-9", "2025-03-06T09:00:00Z", id="C-9", source=CARRIER),
)


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with filled(sqlite_store()) as waybill:
        yield waybill


@pytest.fixture
def each_store(new_store: StoreUrl) -> Iterator[Waybill]:
    with filled(new_store()) as waybill:
        yield waybill


@contextmanager
def filled(store: str) -> Iterator[Waybill]:
    with Waybill(Settings(store=store, batch_messages=2), clock=lambda: NOW) as waybill:
        take_in(waybill, *FLOOR)
        yield waybill


def rows(waybill: Waybill) -> dict[str, list[Any]]:
    names = ("orders", "shipments", "overdue", "late", "order-lines", "workload")
    return {name: list(waybill.views.ask(view_named(name), Asked(as_of=NOW)).rows) for name in names}


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


# -- correcting ---------------------------------------------------------------------------------------------------


def test_a_corrected_message_is_void_and_the_right_one_names_it(waybill: Waybill) -> None:
    corrections = one_message(waybill, SOURCE, "O-2", (read_assignment("data.promised_by=+14d"),))
    shown = plan_corrections(waybill, corrections, "typed wrong", samples=5)
    assert [tuple(count) for count in shown.effect.right] == [("order.placed.v1", "applied", 1)]
    assert any(each.table == "order_states" and each.differs for each in shown.effect.tables)
    assert [row["order_id"] for row in rows(waybill)["overdue"]] == ["SO-2"]

    done = do_corrections(waybill, corrections, "typed wrong", "ann")

    assert done.first is not None
    (right,) = waybill.messages.find(*done.first[:2])
    assert (right.source, right.subject, right.verdict) == (SOURCE, "SO-2", "applied")
    assert waybill.messages.find(SOURCE, "O-2")[0].reason.endswith("typed wrong")
    facts = [stored.event for stored in waybill.history.stream("order-SO-2") if isinstance(stored.event, OrderPlaced)]
    assert [fact.causation_id for fact in facts] == [None, "O-2"]
    assert rows(waybill)["overdue"] == []
    assert verify_store(waybill).findings == []
    # The same correction again is done already.
    same = one_message(waybill, SOURCE, "O-2", (read_assignment("data.promised_by=+14d"),))
    again = do_corrections(waybill, same, "typed wrong", "ann")
    assert (again.act_id, again.skipped) == (None, 1)


def test_a_correction_of_a_corrected_message_goes_by_the_right_one(waybill: Waybill) -> None:
    first = do_corrections(
        waybill, one_message(waybill, SOURCE, "O-2", (read_assignment("data.promised_by=+14d"),)), "wrong", "ann"
    )
    assert first.first is not None

    with pytest.raises(CannotCorrectError, match=f"was corrected before, by {first.first.message_id}, which stands"):
        do_corrections(
            waybill, one_message(waybill, SOURCE, "O-2", (read_assignment("data.promised_by=+15d"),)), "wrong", "ann"
        )

    change = one_message(waybill, SOURCE, first.first.message_id, (read_assignment("data.promised_by=+1d"),))
    assert do_corrections(waybill, change, "wrong", "ann").right
    (order,) = (row for row in rows(waybill)["orders"] if row["order_id"] == "SO-2")
    assert order["promised_by"] == datetime(2025, 3, 25, 16, tzinfo=UTC)


def test_a_message_about_another_order_is_corrected_to_that_order(waybill: Waybill) -> None:
    wrong = one_message(waybill, CARRIER, "C-9", tuple(map(read_assignment, ("subject=SO-2", "data.shipment_id=S2"))))
    shown = plan_corrections(waybill, wrong, "the label was smudged", samples=5)
    assert [tuple(count) for count in shown.effect.right] == [("delivery.confirmed.v1", "applied", 1)]

    do_corrections(waybill, wrong, "the label was smudged", "ann")

    (order,) = (row for row in rows(waybill)["orders"] if row["order_id"] == "SO-2")
    assert order["status"] == "delivered"


def test_what_does_not_fit_the_contract_is_said_before_anything_is_stored(waybill: Waybill) -> None:
    head = waybill.history.head()
    for assignment, saying in (
        ("data.promised_by=soon", "data.promised_by: must be"),
        ("data.promisd_by=2025-03-10T16:00:00Z", "order.placed.v1 has no field data.promisd_by"),
        ("data.channel=pigeon", "data.channel"),
        ("time=yesterday", "time: must be"),
    ):
        corrections = one_message(waybill, SOURCE, "O-1", (read_assignment(assignment),))
        with pytest.raises(CannotCorrectError, match=saying):
            do_corrections(waybill, corrections, "wrong", "ann")
    assert waybill.history.head() == head


def test_a_file_of_right_messages(each_store: Waybill, tmp_path: Path) -> None:
    waybill = each_store
    void_message(waybill, SOURCE, "O-1", "wrong", operator="ann")
    right: list[Document] = [
        placed("SO-1", EARLY, "2025-03-05T16:00:00Z", id="O-1"),  # void already
        placed("SO-2", EARLY, "2025-03-25T16:00:00Z", id="O-2"),
        booked("SO-2", "2025-03-04T09:00:00Z", PROMISE, id="B-2", shipment="S2"),  # right as it is
        {**confirmed("SO-2", "2025-03-08T09:00:00Z", "S2", id="C-9b", source=CARRIER), "causationid": "C-9"},
    ]
    file = tmp_path / "right.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in right))

    shown = plan_corrections(waybill, file_of_messages(waybill, file), "wrong", samples=5)
    done = do_corrections(waybill, file_of_messages(waybill, file), "wrong", "ann")

    assert shown.skipped == done.skipped == 1
    assert sum(done.right.values()) == sum(count.messages for count in shown.effect.right) == 3
    assert sum(done.voids.values()) == 2
    assert [row["order_id"] for row in rows(waybill)["late"]] == ["SO-1"]
    assert waybill.messages.find(CARRIER, "C-9b")[0].verdict == "applied"
    assert do_corrections(waybill, file_of_messages(waybill, file), "wrong", "ann").act_id is None


UNFIT = (
    (b"{", "line 2 must be JSON"),
    (b"[]", "line 2 is not a JSON object"),
    (b'{"source":"/order-entry","id":7,"subject":"SO-1"}', "line 2: id must be text"),
    (b'{"source":"/nobody","id":"O-1","subject":"SO-1"}', "line 2: no message O-1 of /nobody is known"),
    (
        json.dumps(placed("SO-1", EARLY, PROMISE, id="O-1")).encode(),
        "line 2: O-1 of /order-entry is corrected by line 1",
    ),
    (json.dumps(placed("SO-2", "soon", PROMISE, id="O-2")).encode(), "line 2: time: must be"),
)


def test_a_file_that_does_not_fit_names_the_line(waybill: Waybill, tmp_path: Path) -> None:
    head = waybill.history.head()
    file = tmp_path / "right.jsonl"
    for line, saying in UNFIT:
        file.write_bytes(json.dumps(placed("SO-1", EARLY, "2025-03-11", id="O-1")).encode() + b"\n" + line + b"\n")
        with pytest.raises(CannotCorrectError, match=saying):
            do_corrections(waybill, file_of_messages(waybill, file), "wrong", "ann")
    assert waybill.history.head() == head


def test_a_correction_that_was_interrupted_goes_on_as_the_same_act(each_store: Waybill) -> None:
    waybill = each_store

    class PoweredOff(Exception):
        """As if the process ended after its first batch."""

    def power_off(_: int) -> None:
        raise PoweredOff

    wanted = MessageFilter(source=SOURCE, type="order.placed.v1")
    rule = (read_assignment("data.promised_by=+1d"),)
    with pytest.raises(PoweredOff):
        do_corrections(waybill, selected_messages(waybill, wanted, rule), "wrong", "ann", power_off)

    done = do_corrections(waybill, selected_messages(waybill, wanted, rule), "wrong", "ann")

    assert (done.continued, sum(done.right.values())) == (True, 1)
    promised = {row["promised_by"] for row in rows(waybill)["orders"]}
    assert promised == {datetime(2025, 3, 11, 16, tzinfo=UTC)}
    acts = [stored.event for stored in waybill.history.stream("operator-ann")]
    assert [(type(act), act.message_id) for act in acts] == [(MessagesCorrected, done.act_id)]


def test_a_rule_leaves_out_what_it_corrected_before(waybill: Waybill) -> None:
    wanted = MessageFilter(source=SOURCE, type="order.placed.v1")
    rule = (read_assignment("data.promised_by=+1d"),)
    assert sum(do_corrections(waybill, selected_messages(waybill, wanted, rule), "wrong", "ann").right.values()) == 2

    again = do_corrections(waybill, selected_messages(waybill, wanted, rule), "wrong", "ann")

    assert again.act_id is None
    promised = {row["order_id"]: row["promised_by"] for row in rows(waybill)["orders"]}
    assert set(promised.values()) == {datetime(2025, 3, 11, 16, tzinfo=UTC)}
