"""Was my message taken, and if not, why? A malformed message is found by the source and id that it claims."""

import json

from tests.integration.command import Command
from tests.integration.messages import SOURCE, booked, placed

GOOD = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-1001")
NAIVE = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00", id="OE-1001")
REASON = 'data.promised_by: must carry an offset, such as Z or +01:00 at its end, but is "2025-03-10T16:00:00"'


def test_a_malformed_message_is_told_with_reason_remedy_place_and_bytes(waybill: Command) -> None:
    waybill.ingest(b"{}", NAIVE)

    (told,) = waybill.ask("message", SOURCE, "OE-1001")

    assert (told["verdict"], told["reason"]) == ("malformed", REASON)
    assert told["remedy"] == "correct it and send it again; the same id may be used"
    assert (told["type"], told["subject"], told["offset"]) == ("order.placed.v1", "SO-1", 1)
    assert told["topic"].endswith("messages.jsonl")
    assert json.loads(told["body"]) == NAIVE
    assert told["superseded_by"] is told["set_aside_at"] is None
    assert waybill.ask("dead-letters", "show", told["letter_id"])["reason"] == REASON
    shown = waybill("message", SOURCE, "OE-1001").done().text
    assert "Malformed message OE-1001 of /order-entry" in shown and REASON in shown
    (row,) = waybill("message", SOURCE, "OE-1001", "--format", "csv").done().rows
    assert row["verdict"] == "malformed"


def test_of_a_corrected_one_both_are_told_and_which_supersedes_which(waybill: Command) -> None:
    waybill.ingest(NAIVE)
    waybill.ingest(GOOD, name="2.jsonl")

    applied, malformed = waybill.ask("message", SOURCE, "OE-1001")

    assert (applied["verdict"], malformed["verdict"]) == ("applied", "malformed")
    by = malformed["superseded_by"]
    assert (by["source"], by["id"], by["subject"]) == (SOURCE, "OE-1001", "SO-1")
    assert by["recorded_at"] == applied["recorded_at"] == malformed["set_aside_at"]
    assert malformed["remedy"] == "nothing: a message of this source and id was applied"
    assert "OE-1001 of /order-entry about SO-1, recorded at" in waybill("message", SOURCE, "OE-1001").done().text
    assert len(waybill("message", SOURCE, "OE-1001", "--format", "csv").done().rows) == 2


def test_one_that_is_held_supersedes_nothing(waybill: Command) -> None:
    booking = booked("SO-9", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z", id="B-1")
    waybill.ingest({**booking, "time": "2025-03-04"}, booking)

    held, malformed = waybill.ask("message", SOURCE, "B-1")

    assert (held["verdict"], malformed["verdict"], malformed["superseded_by"]) == ("held", "malformed", None)


def test_the_remedy_of_one_that_came_right_says_what_became_of_the_right_one(waybill: Command) -> None:
    again = {**GOOD, "id": "again"}  # the same placing under another id is already so
    waybill.ingest(GOOD, {**again, "time": "2025-03-03"}, again)

    right, malformed = waybill.ask("message", SOURCE, "again")

    assert (right["verdict"], malformed["superseded_by"]) == ("duplicate", None)
    assert malformed["remedy"] == "nothing here: the message came right under this id, and is duplicate"


def test_long_bytes_are_cut_and_bytes_that_are_not_utf_8_are_escaped(waybill: Command) -> None:
    waybill.ingest({**NAIVE, "data": {**NAIVE["data"], "note": "x" * 2_000}})

    (told,) = waybill.ask("message", SOURCE, "OE-1001")

    assert len(told["body"]) == 501 and told["body"].endswith("x…")


def test_an_unknown_id_is_answered_with_the_nearest(waybill: Command) -> None:
    waybill.ingest(GOOD, {**NAIVE, "id": "OE-1022"}, {**GOOD, "id": "zz", "subject": "SO-2"})

    waybill("message", SOURCE, "OE-1002").exited(1, "message not found; the nearest: OE-1", "OE-1001", "OE-1022")
    waybill("trace", SOURCE, "oe-1001").exited(1, "the nearest: OE-1001")
