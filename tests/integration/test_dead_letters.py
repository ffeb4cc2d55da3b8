"""given messages that were not taken, then they are listed with their reasons, kept whole, and leave by themselves."""

import base64
import hashlib
import json
import re
from base64 import b64decode
from typing import Any

import pytest

from tests.integration.command import Command, encoded
from tests.integration.messages import SOURCE, booked, cancelled, confirmed, dispatched, placed, voided

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T16:00:00Z")
ARRIVAL = confirmed("SO-1", "2025-03-09T16:00:00Z")
FORBIDDEN = cancelled("SO-1", "2025-03-12T09:00:00Z")
WAITING = dispatched("SO-9", "2025-03-04T09:00:00Z")
BROKEN = b'{"specversion": "1.0", "id": 7}'

COLUMNS = [
    "letter_id",
    "verdict",
    "reason",
    "subject",
    "type",
    "source",
    "id",
    "topic",
    "partition",
    "offset",
    "seen_at",
    "discarded_at",
]


def test_the_list_says_what_and_why(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, WAITING, BROKEN, FORBIDDEN)

    letters = waybill.ask("dead-letters", "list")

    assert [list(letter) for letter in letters] == [COLUMNS] * 2
    malformed, refused = sorted(letters, key=lambda letter: str(letter["verdict"]))
    assert malformed["verdict"] == "malformed"
    assert malformed["letter_id"] == hashlib.sha256(BROKEN).hexdigest()
    assert "id" in malformed["reason"]
    assert malformed["subject"] is malformed["source"] is malformed["id"] is None
    assert malformed["offset"] == 4
    assert refused["verdict"] == "refused"
    assert (refused["subject"], refused["type"]) == ("SO-1", "order.cancelled.v1")
    assert (refused["source"], refused["id"], refused["offset"]) == (SOURCE, FORBIDDEN["id"], 5)
    for letter in letters:
        assert letter["topic"] == f"file:{waybill.folder / 'messages.jsonl'}"
        assert letter["partition"] == 0
        assert letter["seen_at"].endswith("Z")
        assert letter["discarded_at"] is None
    csv = waybill("dead-letters", "list", "--format", "csv").done()
    assert csv.text.splitlines()[0] == ",".join(COLUMNS)
    assert len(csv.rows) == 2
    table = waybill("dead-letters", "list").done().text
    assert refused["letter_id"][:16] in table
    assert "2 dead letters" in table
    assert len(waybill.ask("dead-letters", "list", "--limit", "1")) == 1


def test_without_a_verb_the_list_is_meant(waybill: Command) -> None:
    waybill.ingest(ORDER, BROKEN, WAITING)

    assert waybill.ask("dead-letters") == waybill.ask("dead-letters", "list")
    assert waybill.ask("held") == waybill.ask("held", "list")
    said = [waybill("dead-letters", *verb).done().text for verb in ((), ("list",))]
    # The last line tells how long ago the last message came.
    without_age = [re.sub(r"last message \d+ (?:s|min) ago", "", text) for text in said]
    assert without_age[0] == without_age[1]


def test_nothing_is_dead(waybill: Command) -> None:
    waybill.ingest(ORDER)
    assert waybill.ask("dead-letters", "list") == waybill.ask("held", "list") == []
    assert "none" in waybill("dead-letters", "list").done().text


# -- kept whole ---------------------------------------------------------------------------------------------------


def shown(waybill: Command) -> dict[str, Any]:
    (letter,) = waybill.ask("dead-letters", "list")
    whole: dict[str, Any] = waybill.ask("dead-letters", "show", letter["letter_id"])
    return whole


def test_a_message_that_is_no_text_keeps_its_bytes(waybill: Command) -> None:
    unfit = encoded(ORDER).replace(b"ACME", b"\xc3\x28\xa0\xff\x00ACME")
    waybill.ingest(unfit)

    letter = shown(waybill)

    assert b64decode(letter["body_base64"]) == unfit
    assert "ACME" in letter["body"]
    waybill("dead-letters", "show", letter["letter_id"]).done()
    waybill("dead-letters", "show", letter["letter_id"], "--format", "csv").done()


def test_of_a_message_beyond_the_limit_its_size_its_hash_and_its_beginning_are_kept(waybill: Command) -> None:
    huge = encoded({**ORDER, "data": {**ORDER["data"], "reference": "x" * 10_000_000}})

    counts = waybill.ingest(ORDER, huge, BOOKING)
    assert (counts["received"], counts["applied"], counts["malformed"]) == (3, 2, 1)

    letter = shown(waybill)
    assert "1048576" in letter["reason"].replace(",", "").replace("_", "")
    assert str(len(huge)) in letter["reason"]
    assert letter["letter_id"] == hashlib.sha256(huge).hexdigest()
    assert letter["body"].encode() == huge[: 64 * 1024]


def test_text_beyond_ascii_is_shown_as_it_is(waybill: Command) -> None:
    unfit = encoded({**ORDER, "source": "", "data": {**ORDER["data"], "account_id": "Bólido Comidas №7 🚚"}})
    waybill.ingest(unfit)

    assert shown(waybill)["body"].encode() == unfit
    assert "№7 🚚" in waybill("dead-letters", "show", hashlib.sha256(unfit).hexdigest()).done().text


def test_a_refused_message_keeps_its_bytes(waybill: Command) -> None:
    spaced = encoded(FORBIDDEN).replace(b'": ', b'"  :  ')
    waybill.ingest(ORDER, BOOKING, ARRIVAL, spaced)

    assert shown(waybill)["body"].encode() == spaced


def test_what_was_taken_first_and_refused_later_can_be_shown(waybill: Command) -> None:
    early = cancelled("SO-1", "2025-03-06T09:00:00Z")
    waybill.ingest(ORDER, BOOKING, ARRIVAL, name="1")
    waybill.ingest(early, name="2")

    letter = shown(waybill)

    assert letter["id"] == ARRIVAL["id"]
    assert '"S1"' in letter["body"]


def test_the_beginning_of_a_letters_id_is_enough(waybill: Command) -> None:
    waybill.ingest(BROKEN, b"{}", b"[]")
    letter_id = hashlib.sha256(b"[]").hexdigest()

    assert waybill.ask("dead-letters", "show", letter_id[:12])["letter_id"] == letter_id
    waybill("dead-letters", "show", "nothing").exited(1, "nothing")
    waybill("dead-letters", "show", "").exited(2)


# -- leaving the dead ---------------------------------------------------------------------------------------------


def test_a_refused_message_leaves_the_dead_when_its_verdict_changes(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, FORBIDDEN, name="1")
    assert [letter["id"] for letter in waybill.ask("dead-letters", "list")] == [FORBIDDEN["id"]]

    waybill.ingest(voided(ARRIVAL, "2025-03-13T09:00:00Z"), name="2")

    assert waybill.ask("dead-letters", "list") == []
    (voided_one,) = waybill.ask("dead-letters", "list", "--all")
    assert voided_one["id"] == ARRIVAL["id"]
    assert voided_one["discarded_at"] is not None
    assert waybill.ask("order", "SO-1")["order"]["status"] == "cancelled"


def test_a_malformed_message_that_comes_right_under_the_same_id_is_superseded(waybill: Command) -> None:
    """It takes no id, so the right one can have it. The broken bytes stay in the books and leave the list."""
    waybill.ingest({**ORDER, "subject": 7}, name="1")
    assert waybill.ingest(ORDER, name="2")["applied"] == 1

    assert waybill.ask("dead-letters", "list") == []
    (letter,) = waybill.ask("dead-letters", "list", "--all")
    assert letter["discarded_at"] is not None
    status = waybill.ask("status")
    assert status["books"]["dead"] == 1
    assert status["set_aside"] == {"voided": 0, "discarded": 0, "superseded": 1}
    assert "(0 voided, 0 discarded, 1 superseded)" in waybill("status").done().text
    assert waybill.ask("dead-letters", "show", letter["letter_id"])["set_aside"]["how"] == "superseded"

    # and it is back when the right one turns out wrong
    waybill.ingest(voided(ORDER, "2025-03-13T09:00:00Z"), name="3")
    assert [one["letter_id"] for one in waybill.ask("dead-letters", "list")] == [letter["letter_id"]]


def test_dead_letters_as_of_an_instant(waybill: Command) -> None:
    waybill.ingest(BROKEN)
    (letter,) = waybill.ask("dead-letters", "list")

    for clock in ("--as-of", "--known-at"):
        assert waybill.ask("dead-letters", "list", clock, "2025-03-01") == []
        assert waybill.ask("dead-letters", "list", clock, letter["seen_at"]) == [letter]


# -- held ---------------------------------------------------------------------------------------------------------


def test_what_waits_is_listed_with_what_it_waits_for(waybill: Command) -> None:
    waybill.ingest(ORDER, WAITING, ARRIVAL)

    held = waybill.ask("held", "list")

    assert {letter["verdict"] for letter in held} == {"held"}
    assert {letter["subject"] for letter in held} == {"SO-9", "SO-1"}
    reasons = {letter["subject"]: letter["reason"] for letter in held}
    assert "SO-9" in reasons["SO-9"]
    assert "S1" in reasons["SO-1"]
    assert waybill.ask("dead-letters", "list") == []
    for form in ("table", "csv"):
        assert "SO-9" in waybill("held", "list", "--format", form).done().text


def test_what_was_held_for_too_long_is_dead_until_it_is_taken(waybill: Command) -> None:
    impatient = waybill.with_(WAYBILL_HOLD_HOURS="0")
    waybill.ingest(BOOKING, WAITING)
    assert waybill.ask("status")["books"] == {"received": 2, "applied": 0, "duplicate": 0, "held": 2, "dead": 0}

    # when no time is given to wait, then both are dead: the label alone has changed
    assert impatient.ask("status")["books"] == {"received": 2, "applied": 0, "duplicate": 0, "held": 0, "dead": 2}
    dead = impatient.ask("dead-letters", "list")
    assert {(letter["subject"], letter["verdict"]) for letter in dead} == {("SO-1", "held"), ("SO-9", "held")}
    (told,) = impatient.ask("message", SOURCE, BOOKING["id"])
    assert told["verdict"] == "held"

    # when what one of them waits for comes, then it is taken
    impatient.ingest(ORDER, name="later")
    assert impatient.ask("status")["books"] == {"received": 3, "applied": 2, "duplicate": 0, "held": 0, "dead": 1}
    assert [letter["subject"] for letter in impatient.ask("dead-letters", "list")] == ["SO-9"]


@pytest.mark.parametrize("verb", [("dead-letters", "burn"), ("held", "burn"), ("dead-letters", "show")])
def test_wrong_usage(waybill: Command, verb: tuple[str, ...]) -> None:
    waybill(*verb).exited(2)


# -- some of them ---------------------------------------------------------------------------------------------------


CLAIMS_SO_1 = {**cancelled("SO-1", "2025-03-13T09:00:00Z", source="/crm"), "data": {}}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("--subject", "SO-1"), ["malformed", "refused"]),
        (("--subject", "SO-1", "--type", "order.placed.v1"), []),
        (("--source", "/crm"), ["malformed"]),
        (("--type", "order.cancelled.v1"), ["malformed", "refused"]),
        (("--type", "order.placed.v1"), []),
        (("--reason", "COMPLETE"), ["refused"]),
        (("--reason", "data.reason"), ["malformed"]),
        (("--reason", "%"), []),
        (("--source", SOURCE, "--subject", "SO-1"), ["refused"]),
    ],
)
def test_some_of_them_are_asked_for_by_what_they_are_or_claim(
    waybill: Command, wanted: tuple[str, ...], found: list[str]
) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, BROKEN, FORBIDDEN, CLAIMS_SO_1)
    for command in (("dead-letters", "list"), ("dead-letters",)):
        assert sorted(letter["verdict"] for letter in waybill.ask(*command, *wanted)) == found


def test_a_list_of_some_names_the_command_for_those_of_them_that_were_set_aside(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, FORBIDDEN, voided(FORBIDDEN, "2025-03-13T09:00:00Z"))
    shown = waybill("dead-letters", "list", "--subject", "SO-1").done().text
    assert "waybill dead-letters list --subject SO-1 --all" in shown
    assert len(waybill.ask("dead-letters", "list", "--subject", "SO-1", "--all")) == 1


def test_a_letter_shown_whole_says_when_it_happened_by_its_own_words(waybill: Command) -> None:
    waybill.ingest(CLAIMS_SO_1)
    (letter,) = waybill.ask("dead-letters", "list")
    assert waybill.ask("dead-letters", "show", letter["letter_id"])["time"] == "2025-03-13T09:00:00Z"


# -- many of them ---------------------------------------------------------------------------------------------------


def test_letters_are_counted_by_what_they_have_in_common(waybill: Command) -> None:
    unplaced = [{**placed(f"SO-{n}", "2025-03-03T09:00:00Z", "2025-03-10"), "time": f"2025-03-0{n}"} for n in (2, 3, 4)]
    waybill.ingest(ORDER, BOOKING, ARRIVAL, FORBIDDEN, *unplaced)

    groups = waybill.ask("dead-letters", "--by", "source,type,reason")

    assert [(g["type"], g["letters"]) for g in groups] == [("order.placed.v1", 3), ("order.cancelled.v1", 1)]
    assert groups[0]["example"] in {letter["letter_id"] for letter in waybill.ask("dead-letters", "list")}
    assert groups[0]["reason"].startswith("time: must")
    assert "2025" not in groups[0]["reason"]
    assert "4 in 2 groups" in waybill("dead-letters", "list", "--by", "verdict").done().text
    waybill("held", "list", "--by", "weather").exited(2, "source, type, reason")


def test_a_table_shows_the_oldest_fifty_and_how_many_there_are(waybill: Command) -> None:
    waybill.ingest(*(b'{"n": %d}' % number for number in range(60)))
    letters = waybill.ask("dead-letters")
    assert len(letters) == 60
    table = waybill("dead-letters").done().text
    assert "50 of 60; --limit N for more" in table
    assert letters[49]["letter_id"][:16] in table and letters[50]["letter_id"][:16] not in table
    assert letters[0]["letter_id"] not in table
    assert letters[59]["letter_id"][:16] in waybill("dead-letters", "list", "--limit", "60").done().text


def test_some_of_them_are_asked_for_by_verdict_and_age(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, BROKEN, FORBIDDEN)
    both = ("--since", "2025-01-01", "--topic", f"file:{waybill.folder / 'messages.jsonl'}")
    assert len(waybill.ask("dead-letters", "list", "--verdict", "refused", *both)) == 1
    assert len(waybill.ask("dead-letters", "list", "--older-than", "1h")) == 0
    waybill("dead-letters", "list", "--older-than", "soon").exited(2, "such as 3d")


def test_a_letter_shown_whole_marks_the_fields_at_fault_and_says_what_it_would_be_now(waybill: Command) -> None:
    lines = [{"line": 1, "quantity": -2, "unit_price": "1.00"}]
    waybill.ingest({**ORDER, "data": {"lines": lines, "segment": "b2b"}})

    letter = shown(waybill)

    assert letter["judged_now"]["verdict"] == "malformed"
    assert ("data.lines[0].quantity", "-2") in {(fault["field"], fault["found"]) for fault in letter["faults"]}
    text = waybill("dead-letters", "show", letter["letter_id"]).done().text
    assert '"quantity": -2,  ← must be' in text
    assert '"channel": (missing)  ← must be given' in text


def test_a_refused_letter_is_shown_with_its_order_as_it_stood_then(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, FORBIDDEN)

    letter = shown(waybill)

    assert letter["judged_now"] == {**letter["judged_now"], "verdict": "refused", "reason": letter["reason"]}
    events = [entry["event"] for entry in letter["timeline"]]
    assert events == ["OrderPlaced", "ShipmentBooked", "DeliveryConfirmed", "OrderCancelled"]
    assert "as it was known then" in waybill("dead-letters", "show", letter["letter_id"]).done().text


def test_letters_are_exported_with_all_their_bytes(waybill: Command) -> None:
    no_text = encoded(ORDER).replace(b"ACME", b"\xc3\x28")
    waybill.ingest(ORDER, BOOKING, ARRIVAL, FORBIDDEN, no_text)

    told = waybill("dead-letters", "export", "--to", "letters.jsonl").done().text

    assert told.startswith("2 dead letters")
    written = [json.loads(row) for row in (waybill.folder / "letters.jsonl").read_text("utf-8").splitlines()]
    by_verdict = {row["verdict"]: row for row in written}
    assert by_verdict["refused"]["body"].encode() == encoded(FORBIDDEN)
    assert base64.b64decode(by_verdict["malformed"]["body_base64"]) == no_text
    waybill("dead-letters", "export", "--to", "nowhere/letters.jsonl").exited(2, "--to")


# -- acting on them -------------------------------------------------------------------------------------------------

BY_ANN = ("--operator", "ann")


def test_an_operator_discards_some_and_restores_one(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, BROKEN, FORBIDDEN, CLAIMS_SO_1)
    why = ("--reason", "a test of theirs", *BY_ANN)

    counted = waybill("dead-letters", "discard", "--verdict", "malformed", *why).done().text
    assert "2 dead letters would be discarded; --do discards them" in counted
    assert len(waybill.ask("dead-letters")) == 3

    done = waybill("dead-letters", "discard", "--verdict", "malformed", "--do", *why, "--format", "json").done().json
    assert len(done["discarded"]) == 2
    assert [letter["verdict"] for letter in waybill.ask("dead-letters")] == ["refused"]
    assert waybill.ask("status")["set_aside"]["discarded"] == 2

    waybill("dead-letters", "restore", done["discarded"][0][:12], *BY_ANN).done()
    assert len(waybill.ask("dead-letters")) == 2
    assert [act["event"] for act in waybill.ask("events", "--stream", "operator-ann")] == [
        *["DeadLetterDiscarded"] * 2,
        "DeadLetterRestored",
    ]
    waybill("dead-letters", "discard", *why).exited(2, "name letters, or choose some")
    waybill("dead-letters", "discard", "--verdict", "malformed").exited(2, "--reason")


def test_a_wrong_discard_of_many_is_undone_in_one_command(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, ARRIVAL, BROKEN, FORBIDDEN, CLAIMS_SO_1)
    before = waybill.ask("dead-letters")
    refused = [letter["letter_id"] for letter in before if letter["verdict"] == "refused"]
    waybill("dead-letters", "discard", *refused, "--reason", "known", "--operator", "bob").done()
    malformed = ("--verdict", "malformed", "--matching", "data")
    told = waybill("dead-letters", "discard", *malformed, "--do", "--reason", "a slip", *BY_ANN).done().text
    assert "1 discarded" in told
    (undo,) = re.findall("to undo it: waybill (dead-letters restore .*) --do", told)
    left = waybill.ask("dead-letters")
    assert len(left) == len(before) - 2

    dry = waybill(*undo.split()).done().text

    assert "1 dead letter would be restored; --do restores it" in dry
    assert waybill.ask("dead-letters") == left
    waybill(*undo.split(), "--do", *BY_ANN).done()
    assert waybill.ask("dead-letters") == [letter for letter in before if letter["letter_id"] not in refused]
    waybill("dead-letters", "restore", "--discarded-by", "bob", "--do").done()
    assert waybill.ask("dead-letters") == before
    waybill("dead-letters", "restore", "--do").exited(2, "name letters, or choose some")
    waybill("dead-letters", "restore", refused[0], "--discarded-by", "bob").exited(2, "not both")


def test_an_operator_edits_a_malformed_message_and_redrives_the_rest(waybill: Command) -> None:
    waybill.ingest({**ORDER, "time": "2025-03-03T09:00:00"}, BOOKING, BROKEN)
    (letter, _) = sorted(waybill.ask("dead-letters"), key=lambda letter: str(letter["id"]), reverse=True)
    said = ("edit", letter["letter_id"][:9], "--set", "time=2025-03-03T09:00:00Z", "--reason", "no zone", *BY_ANN)

    tried = waybill("dead-letters", *said, "--dry-run").done().text
    assert 'time: "2025-03-03T09:00:00" → "2025-03-03T09:00:00Z"' in tried
    assert len(waybill.ask("dead-letters")) == 2

    (done,) = waybill("dead-letters", *said, "--format", "json").done().json
    assert (done["verdict"], done["id"]) == ("applied", ORDER["id"])
    assert waybill.ask("order", "SO-1")["order"]["stage"] == "booked"
    assert waybill.ask("status")["books"] == {"received": 4, "applied": 2, "duplicate": 0, "held": 0, "dead": 2}

    for way, dry in (((), True), (("--dry-run",), True), (("--verdict", "malformed"), True), (("--do",), False)):
        redriven = waybill("dead-letters", "redrive", *BY_ANN, *way, "--format", "json").done().json
        assert (redriven["letters"], redriven["dry_run"], redriven["changed"]) == (1, dry, [])
    (broken,) = waybill.ask("dead-letters")
    named = waybill("dead-letters", "redrive", broken["letter_id"], *BY_ANN, "--format", "json").done().json
    assert (named["letters"], named["dry_run"]) == (1, False)
    waybill("dead-letters", "redrive", "--do", "--dry-run", *BY_ANN).exited(2, "--do or --dry-run, not both")
    waybill("dead-letters", "edit", letter["letter_id"], "--reason", "why", *BY_ANN).exited(2, "--set")
    waybill("verify").done()
