"""given wrong messages of an upstream, then correcting one publishes the right one in its place, and counts once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.contract.fields import read_assignment
from domain.operator.acts import MessagesCorrected
from domain.order.events import OrderPlaced
from infra.app.container import Waybill
from infra.app.correct import (
    CannotCorrectError,
    Corrected,
    do_corrections,
    file_of_messages,
    one_message,
    plan_corrections,
    selected_messages,
)
from infra.app.dead_letters.edit import do_edit, plan_edit
from infra.app.verify import verify_store
from infra.app.void import void_message
from infra.queries.selected_messages import MessageFilter
from tests.integration.messages import SOURCE, Document, booked, confirmed, placed
from tests.stores.conftest import StoreUrl
from tests.stores.documents import take_in
from tests.stores.two_orders import CARRIER, EARLY, NOW, PROMISE, filled, rows


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with filled(sqlite_store()) as waybill:
        yield waybill


@pytest.fixture
def each_store(new_store: StoreUrl) -> Iterator[Waybill]:
    with filled(new_store()) as waybill:
        yield waybill


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
    later = (read_assignment("data.promised_by=+1d"),)
    with pytest.raises(PoweredOff):
        do_corrections(waybill, selected_messages(waybill, wanted, later), "wrong", "ann", power_off)

    done = do_corrections(waybill, selected_messages(waybill, wanted, later), "wrong", "ann")

    assert (done.continued, sum(done.right.values())) == (True, 1)
    promised = {row["promised_by"] for row in rows(waybill)["orders"]}
    assert promised == {datetime(2025, 3, 11, 16, tzinfo=UTC)}
    acts = [stored.event for stored in waybill.history.stream("operator-ann")]
    assert [(type(act), act.message_id) for act in acts] == [(MessagesCorrected, done.act_id)]


def test_a_rule_leaves_out_what_it_corrected_before(waybill: Waybill) -> None:
    wanted = MessageFilter(source=SOURCE, type="order.placed.v1")
    later = (read_assignment("data.promised_by=+1d"),)
    assert sum(do_corrections(waybill, selected_messages(waybill, wanted, later), "wrong", "ann").right.values()) == 2

    again = do_corrections(waybill, selected_messages(waybill, wanted, later), "wrong", "ann")

    assert again.act_id is None
    promised = {row["order_id"]: row["promised_by"] for row in rows(waybill)["orders"]}
    assert set(promised.values()) == {datetime(2025, 3, 11, 16, tzinfo=UTC)}


# -- a message is corrected once ----------------------------------------------------------------------------------


def correct(waybill: Waybill, source: str, message_id: str, *assignments: str) -> Corrected:
    changes = tuple(map(read_assignment, assignments))
    return do_corrections(waybill, one_message(waybill, source, message_id, changes), "wrong", "ann")


def corrected_by_file(waybill: Waybill, file: Path, *documents: Document) -> Corrected:
    file.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return do_corrections(waybill, file_of_messages(waybill, file), "wrong", "ann")


def rule(waybill: Waybill, wanted: MessageFilter, assignment: str) -> Corrected:
    return do_corrections(waybill, selected_messages(waybill, wanted, (read_assignment(assignment),)), "wrong", "ann")


LONG = "O-" + "x" * 190


def test_a_message_with_a_long_id_is_corrected_once(waybill: Waybill) -> None:
    take_in(waybill, placed("SO-3", EARLY, PROMISE, id=LONG))
    first = correct(waybill, SOURCE, LONG, "data.promised_by=+1d")
    assert first.first is not None

    with pytest.raises(CannotCorrectError, match=f"was corrected before, by {first.first.message_id}, which stands"):
        correct(waybill, SOURCE, LONG, "data.promised_by=+2d")

    of_order = MessageFilter(source=SOURCE, type="order.placed.v1", subject="SO-3")
    assert rule(waybill, of_order, "data.promised_by=+1d").act_id is None


def test_a_line_with_an_id_of_its_own_corrects_a_message_once(waybill: Waybill, tmp_path: Path) -> None:
    right: Document = {**placed("SO-2", EARLY, "2025-03-25T16:00:00Z", id="O-2b"), "causationid": "O-2"}
    corrected_by_file(waybill, tmp_path / "right.jsonl", right)

    with pytest.raises(CannotCorrectError, match="was corrected before, by O-2b, which stands"):
        correct(waybill, SOURCE, "O-2", "data.promised_by=+14d")

    of_order = MessageFilter(source=SOURCE, type="order.placed.v1", subject="SO-2")
    assert rule(waybill, of_order, "data.promised_by=+1d").act_id is None


def test_a_message_that_was_moved_to_another_order_is_corrected_once(each_store: Waybill) -> None:
    waybill = each_store
    correct(waybill, CARRIER, "C-9", "subject=SO-2", "data.shipment_id=S2")

    with pytest.raises(CannotCorrectError, match="C-9 of /carrier was corrected before"):
        correct(waybill, CARRIER, "C-9", "subject=SO-1")


def test_a_correction_that_was_corrected_itself_counts_as_one_of_the_first_message(waybill: Waybill) -> None:
    first = correct(waybill, SOURCE, "O-2", "data.promised_by=+14d")
    assert first.first is not None
    second = correct(waybill, SOURCE, first.first.message_id, "data.promised_by=+1d")
    assert second.first is not None

    with pytest.raises(CannotCorrectError, match=f"was corrected before, by {second.first.message_id}, which stands"):
        correct(waybill, SOURCE, "O-2", "data.promised_by=+14d")


def test_an_edited_copy_of_a_dead_letter_is_its_correction(waybill: Waybill) -> None:
    (letter,) = (one for one in waybill.dead_letters.held(NOW) if one.id == "C-9")
    changes = tuple(map(read_assignment, ("subject=SO-2", "data.shipment_id=S2")))
    edit = plan_edit(waybill, letter, changes, None, "ann")
    do_edit(waybill, edit, "ann", "the label was smudged")

    with pytest.raises(CannotCorrectError, match=f"was corrected before, by {edit.key.message_id}, which stands"):
        correct(waybill, CARRIER, "C-9", "subject=SO-1")


def test_what_an_upstream_says_because_of_a_message_is_no_correction_of_it(waybill: Waybill) -> None:
    follows: Document = {**placed("SO-3", EARLY, PROMISE, id="O-3"), "causationid": "O-2"}
    take_in(waybill, follows)
    void_message(waybill, SOURCE, "O-2", "wrong", operator="ann")

    assert correct(waybill, SOURCE, "O-2", "data.promised_by=+14d").right
    of_order = MessageFilter(source=SOURCE, type="order.placed.v1", subject="SO-3")
    assert sum(rule(waybill, of_order, "data.promised_by=+1d").right.values()) == 1


def test_messages_of_one_id_are_corrected_each(waybill: Waybill, tmp_path: Path) -> None:
    take_in(waybill, placed("SO-3", EARLY, PROMISE, id="X"), placed("SO-4", EARLY, PROMISE, id="X"))
    rights = [placed(order, EARLY, "2025-03-25T16:00:00Z", id="X") for order in ("SO-3", "SO-4")]
    corrected_by_file(waybill, tmp_path / "one.jsonl", rights[0])
    void_message(waybill, SOURCE, "X", "wrong", "SO-4", operator="ann")

    assert sum(corrected_by_file(waybill, tmp_path / "other.jsonl", rights[1]).right.values()) == 1
