"""given messages that are late, wrong or early, then their verdicts follow, and whoever asks is told how and why."""

import pytest

from tests.integration.command import Command
from tests.integration.messages import (
    SOURCE,
    attempted,
    booked,
    cancelled,
    confirmed,
    dispatched,
    message,
    placed,
    voided,
)

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T16:00:00Z")
ARRIVAL = confirmed("SO-1", "2025-03-11T16:00:00Z")
CANCELLATION = cancelled("SO-1", "2025-03-06T09:00:00Z")

TIMELINE = [
    "position",
    "recorded_at",
    "occurred_at",
    "took_effect_at",
    "event",
    "verdict",
    "what_changed",
    "source",
    "message_id",
]


def verdict_of(waybill: Command, sent: dict[str, str]) -> str:
    (told,) = waybill.ask("message", sent["source"], sent["id"])
    return str(told["verdict"])


# -- one message --------------------------------------------------------------------------------------------------


def test_a_message_can_be_queried_at_any_later_time(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ORDER)

    (told,) = waybill.ask("message", SOURCE, ORDER["id"])

    assert told["verdict"] == "applied"
    assert told["subject"] == "SO-1"
    assert told["type"] == "order.placed.v1"
    assert told["occurred_at"] == told["took_effect_at"] == "2025-03-03T09:00:00Z"
    assert "status: open" in told["what_changed"]
    assert told["repeats"] == 1
    assert told["repeats_with_other_content"] == 0
    assert told["earlier_verdicts"] == []
    for form in ("table", "csv"):
        assert "applied" in waybill("message", SOURCE, ORDER["id"], "--format", form).done().text


def test_a_repeat_with_other_content_is_a_duplicate_and_the_first_is_kept(waybill: Command) -> None:
    other = {**ORDER, "data": {**ORDER["data"], "promised_by": "2025-04-01T00:00:00Z"}}

    assert waybill.ingest(ORDER, other)["duplicate"] == 1

    (told,) = waybill.ask("message", SOURCE, ORDER["id"])
    assert (told["repeats"], told["repeats_with_other_content"]) == (1, 1)
    assert waybill.ask("order", "SO-1")["order"]["promised_by"] == "2025-03-10T16:00:00Z"


def test_one_id_may_stand_for_several_subjects(waybill: Command) -> None:
    orders = [placed(name, "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="42") for name in ("SO-1", "SO-2")]

    assert waybill.ingest(*orders)["applied"] == 2
    assert [told["subject"] for told in waybill.ask("message", SOURCE, "42")] == ["SO-1", "SO-2"]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_one_subject_that_is_not_known(waybill: Command, form: str) -> None:
    """The command fails, and says why, whatever form was asked for."""
    waybill.ingest(ORDER)
    asked = (
        ("message", "/nobody", "0"),
        ("trace", "/nobody", "0"),
        ("order", "SO-404"),
        ("events", "--stream", "rep-404"),
    )
    for command in (*asked, ("dead-letters", "show", "404")):
        ran = waybill(*command, "--format", form).exited(1, "waybill: ")
        assert ran.out == b"", "a program reads nothing, and no answer of another shape"


# -- verdicts change ----------------------------------------------------------------------------------------------


def test_what_waits_is_taken_as_soon_as_it_can_be(waybill: Command) -> None:
    assert waybill.ingest(ARRIVAL, name="1")["held"] == 1
    assert verdict_of(waybill, ARRIVAL) == "held"
    assert waybill.ingest(BOOKING, name="2")["held"] == 1
    assert waybill.ingest(ORDER, name="3")["applied"] == 1

    assert verdict_of(waybill, ARRIVAL) == verdict_of(waybill, BOOKING) == "applied"
    assert waybill.ask("status")["books"] == {"received": 3, "applied": 3, "duplicate": 0, "held": 0, "dead": 0}
    assert [row["hours_late"] for row in waybill.ask("late")] == ["24.00"]


def test_a_late_message_changes_an_earlier_verdict_and_the_timeline_tells_of_it(waybill: Command) -> None:
    # given an order that was booked and has arrived
    waybill.ingest(ORDER, BOOKING, ARRIVAL, name="1")
    assert len(waybill.ask("late")) == 1

    # when we hear that it had been cancelled before it left
    waybill.ingest(CANCELLATION, name="2")

    # then it cannot have arrived: its shipment had ended with it
    assert verdict_of(waybill, CANCELLATION) == "applied"
    (told,) = waybill.ask("message", SOURCE, ARRIVAL["id"])
    assert told["verdict"] == "refused"
    assert told["reason"]
    assert [earlier["verdict"] for earlier in told["earlier_verdicts"]] == ["applied"]
    assert waybill.ask("late") == []

    # and the timeline says which message changed it, in the order in which things count
    whole = waybill.ask("order", "SO-1")
    timeline = whole["timeline"]
    assert [(entry["event"], entry["verdict"]) for entry in timeline] == [
        ("OrderPlaced", "applied"),
        ("ShipmentBooked", "applied"),
        ("OrderCancelled", "applied"),
        ("DeliveryConfirmed", "refused"),
        ("VerdictChanged", "refused"),
    ]
    changed = timeline[-1]
    assert changed["message_id"] == ARRIVAL["id"]
    assert "applied → refused" in changed["what_changed"]
    assert CANCELLATION["id"] in changed["what_changed"]
    assert timeline[3]["took_effect_at"] is None
    assert whole["order"]["status"] == "cancelled"


def test_what_was_refused_may_turn_out_right(waybill: Command) -> None:
    """An attempt at the door of a shipment that had been recalled; then the recall turns out to be a mistake."""
    attempt = attempted("SO-1", "2025-03-06T09:00:00Z")
    data = {"shipment_id": "S1", "reason": "lost"}
    recall = message("shipment.cancelled", "SO-1", "2025-03-05T09:00:00Z", data)
    waybill.ingest(ORDER, BOOKING, recall, attempt, name="1")
    assert verdict_of(waybill, attempt) == "refused"
    assert len(waybill.ask("dead-letters", "list")) == 1

    waybill.ingest(voided(recall, "2025-03-07T09:00:00Z"), name="2")

    assert verdict_of(waybill, attempt) == "applied"
    assert waybill.ask("order", "SO-1")["order"]["delivery_attempts"] == 1
    # Of the dead only the voided one is left, and that is set aside.
    assert waybill.ask("dead-letters", "list") == []
    assert [letter["id"] for letter in waybill.ask("dead-letters", "list", "--all")] == [recall["id"]]


def test_what_is_applied_no_longer_is_said_by_whoever_caused_it(waybill: Command) -> None:
    """given a correction that takes away what another message built on, then ingest and void say which one it was."""
    waybill.ingest(ORDER, BOOKING, ARRIVAL, name="1")
    file = waybill.file("2.jsonl", voided(BOOKING, "2025-03-20T09:00:00Z"))
    shown = waybill("ingest", file).done()
    assert f"{ARRIVAL['id']} of {ARRIVAL['source']} was applied and is held now: shipment S1" in shown.err
    # what was voided on purpose is no surprise
    assert f"{BOOKING['id']} of" not in shown.err

    waybill.ingest({**BOOKING, "id": "again"}, name="3")
    shown = waybill("void", BOOKING["source"], "again", "--reason", "twice").done()
    assert f"{ARRIVAL['id']} of {ARRIVAL['source']} was applied and is held now" in shown.err
    shown = waybill("ingest", waybill.file("4.jsonl", cancelled("SO-9", "2025-03-20T09:00:00Z"))).done()
    assert "now:" not in shown.err


# -- one order ----------------------------------------------------------------------------------------------------


def test_an_order_is_shown_completely(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, dispatched("SO-1", "2025-03-05T08:00:00+01:00"))

    whole = waybill.ask("order", "SO-1")

    assert list(whole) == ["order", "timeline"]
    assert whole["order"]["order_id"] == "SO-1"
    assert whole["order"]["status"] == "open"
    assert whole["order"]["stage"] == "in_transit"
    assert [list(entry) for entry in whole["timeline"]] == [TIMELINE] * 3
    last = whole["timeline"][-1]
    assert last["occurred_at"] == last["took_effect_at"] == "2025-03-05T07:00:00Z"
    assert last["what_changed"] == "stage: booked → in_transit"
    csv = waybill("order", "SO-1", "--format", "csv").done()
    assert csv.text.splitlines()[0] == ",".join(TIMELINE)
    assert len(csv.rows) == 3
    table = waybill("order", "SO-1").done().text
    for word in ("SO-1", "in_transit", "OrderPlaced", "ShipmentDispatched"):
        assert word in table


def test_an_order_as_it_was_and_as_it_was_known(waybill: Command) -> None:
    early = {"recordedtime": "2025-03-03T10:00:00Z"}
    late = {"recordedtime": "2025-03-20T10:00:00Z"}
    file = waybill.file("history", {**ORDER, **early}, {**BOOKING, **early}, {**ARRIVAL, **late})
    waybill.ask("ingest", file, "--history")

    def stage(*clocks: str) -> tuple[str, str | None, int]:
        whole = waybill.ask("order", "SO-1", *clocks)
        return whole["order"]["status"], whole["order"]["stage"], len(whole["timeline"])

    assert stage() == ("delivered", None, 3)
    assert stage("--as-of", "2025-03-11T15:59:59Z") == ("open", "booked", 2)
    assert stage("--as-of", "2025-03-03T12:00:00Z") == ("open", "to_book", 1)
    assert stage("--known-at", "2025-03-19T00:00:00Z") == ("open", "booked", 2)
    assert stage("--as-of", "2025-03-12T00:00:00Z", "--known-at", "2025-03-21T00:00:00Z") == ("delivered", None, 3)
    waybill("order", "SO-1", "--as-of", "2025-03-03T08:59:59Z").exited(1)


def test_an_order_of_which_only_a_shipment_is_known(waybill: Command) -> None:
    waybill.ingest(BOOKING)

    whole = waybill.ask("order", "SO-1")

    assert whole["order"] is None
    assert [entry["verdict"] for entry in whole["timeline"]] == ["held"]
    waybill("order", "SO-1").done()


# -- voiding ------------------------------------------------------------------------------------------------------


def test_an_operator_voids_a_wrong_message(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL)

    rows = waybill.ask("void", SOURCE, ARRIVAL["id"], "--reason", "another customer's door")

    # then it is refused, for the operator's reason, and the order is as though it had never been sent
    assert {row["id"]: row["verdict"] for row in rows}[ARRIVAL["id"]] == "refused"
    (told,) = waybill.ask("message", SOURCE, ARRIVAL["id"])
    assert told["verdict"] == "refused"
    assert "another customer's door" in told["reason"]
    whole = waybill.ask("order", "SO-1")
    assert whole["order"]["status"] == "open"
    events = [entry["event"] for entry in whole["timeline"]]
    assert sorted(events) == sorted(
        ["OrderPlaced", "ShipmentBooked", "DeliveryConfirmed", "MessageVoided", "VerdictChanged"]
    )
    (change,) = (entry for entry in whole["timeline"] if entry["event"] == "VerdictChanged")
    assert change["message_id"] == ARRIVAL["id"]
    assert "applied → refused" in change["what_changed"]
    assert waybill.ask("status")["books"] == {"received": 4, "applied": 3, "duplicate": 0, "held": 0, "dead": 1}

    # when the right one comes, then it is taken
    waybill.ingest(confirmed("SO-1", "2025-03-10T12:00:00Z"), name="right")
    assert waybill.ask("order", "SO-1")["order"]["status"] == "delivered"
    waybill("verify").done()


def test_a_void_can_be_voided(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING)
    waybill("void", SOURCE, BOOKING["id"], "--reason", "wrong carrier").done()
    (void,) = (entry for entry in waybill.ask("order", "SO-1")["timeline"] if entry["event"] == "MessageVoided")

    waybill("void", void["source"], void["message_id"], "--reason", "it was right after all").done()

    assert verdict_of(waybill, BOOKING) == "applied"
    assert waybill.ask("order", "SO-1")["order"]["stage"] == "booked"


def test_voiding_an_unknown_message_is_wrong_usage(waybill: Command) -> None:
    waybill.ingest(ORDER)
    waybill("void", SOURCE, "nothing", "--reason", "typo").exited(2, "nothing", "--subject")
    waybill("void", SOURCE, ORDER["id"]).exited(2, "--reason")
    assert waybill.ask("status")["books"]["received"] == 1


def test_a_message_can_be_voided_before_it_comes(waybill: Command) -> None:
    waybill.ingest(ORDER)
    waybill("void", SOURCE, BOOKING["id"], "--subject", "SO-1", "--reason", "never left").done()
    assert waybill.ask("status")["books"]["held"] == 1

    assert waybill.ingest(BOOKING, name="later")["refused"] == 1
    assert waybill.ask("order", "SO-1")["order"]["stage"] == "to_book"
    assert waybill.ask("status")["books"] == {"received": 3, "applied": 2, "duplicate": 0, "held": 0, "dead": 1}


def test_one_of_several_subjects_is_voided_by_name(waybill: Command) -> None:
    waybill.ingest(
        *(placed(name, "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="42") for name in ("SO-1", "SO-2"))
    )

    waybill("void", SOURCE, "42", "--reason", "twice").exited(2, "SO-1", "SO-2", "--subject")
    waybill("void", SOURCE, "42", "--reason", "twice", "--subject", "SO-2").done()

    assert [told["verdict"] for told in waybill.ask("message", SOURCE, "42")] == ["applied", "refused"]


@pytest.mark.parametrize(
    "unfit",
    [
        ("a\tb", "m-1", "SO-1", "typo"),
        (SOURCE, "m\n1", "SO-1", "typo"),
        (SOURCE, "x" * 201, "SO-1", "typo"),
        (SOURCE, "m-1", "S\x07", "typo"),
    ],
)
def test_a_void_that_does_not_fit_the_contract_fails(waybill: Command, unfit: tuple[str, str, str, str]) -> None:
    """It must not be said to be voided when it is not."""
    source, id_, subject, reason = unfit
    ran = waybill("void", source, id_, "--subject", subject, "--reason", reason)
    ran.exited(ran.code)
    assert ran.code in (1, 2), ran.out
    assert "voided ahead" not in ran.text
