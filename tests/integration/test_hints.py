"""given a command that names another command, then that command shows the mentioned rows."""

import re

import pytest

from tests.integration.command import Command, Ran
from tests.integration.messages import SOURCE, Document, cancelled, dispatched, placed, voided

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
WRONG = placed("SO-2", "2025-03-03T10:00:00Z", "2025-03-10T16:00:00Z")
VOID = voided(WRONG, "2025-03-04T09:00:00Z")
CANCELLED = cancelled("SO-1", "2025-03-05T09:00:00Z")
FORBIDDEN = placed("SO-1", "2025-03-06T09:00:00Z", "2025-03-11T16:00:00Z", id="SO-1 again")
WAITING = dispatched("SO-9", "2025-03-04T09:00:00Z")
BROKEN = b'{"specversion": "1.0", "id": 7}'

HINT = re.compile(r": waybill ([a-z -]+(?: LETTER_ID| [0-9a-f]{8,})?)$", re.MULTILINE)


def hints(ran: Ran) -> list[str]:
    """The commands that a command names, without their program."""
    said = f"{ran.text}\n{ran.err}"
    found: list[str] = HINT.findall(said)
    assert len(found) == said.count(": waybill "), f"a hint of another form: {said}"
    return found


def listed(waybill: Command, hint: str) -> list[str | None]:
    """The ids of the messages that the hinted command lists."""
    return sorted((message["id"] or "malformed") for message in waybill.ask(*hint.split()))


def ingested(waybill: Command, *lines: bytes | Document) -> Ran:
    return waybill("ingest", waybill.file("messages.jsonl", *lines))


def test_nothing_is_hinted_when_everything_was_taken(waybill: Command) -> None:
    assert hints(ingested(waybill, ORDER)) == []
    assert hints(waybill("status")) == []
    assert hints(waybill("dead-letters", "list")) == []
    assert hints(waybill("message", SOURCE, "nothing").exited(1)) == []
    assert hints(waybill("verify")) == []


def test_ingest_names_the_list_of_what_was_not_taken(waybill: Command) -> None:
    (hint,) = hints(ingested(waybill, ORDER, CANCELLED, FORBIDDEN, BROKEN))
    assert hint == "dead-letters list"
    assert listed(waybill, hint) == [FORBIDDEN["id"], "malformed"]


def test_ingest_names_the_whole_list_when_all_that_was_not_taken_is_voided(waybill: Command) -> None:
    (hint,) = hints(ingested(waybill, ORDER, WRONG, VOID))
    assert hint == "dead-letters list --all"
    assert listed(waybill, hint) == [WRONG["id"]]
    assert listed(waybill, "dead-letters list") == []


def test_ingest_names_the_list_of_those_that_wait_for_somebody_when_others_are_voided(waybill: Command) -> None:
    (hint,) = hints(ingested(waybill, ORDER, WRONG, VOID, CANCELLED, FORBIDDEN))
    assert listed(waybill, hint) == [FORBIDDEN["id"]]


def test_a_file_that_comes_again_still_names_what_was_not_taken_of_it(waybill: Command) -> None:
    ingested(waybill, ORDER, BROKEN)
    (hint,) = hints(ingested(waybill, ORDER, BROKEN))
    assert listed(waybill, hint) == ["malformed"]


def test_what_another_file_brought_is_not_spoken_of(waybill: Command) -> None:
    waybill.ingest(BROKEN, WAITING, name="other")
    assert hints(ingested(waybill, ORDER)) == []


def test_ingest_names_the_list_of_what_waits(waybill: Command) -> None:
    (hint,) = hints(ingested(waybill, ORDER, WAITING))
    assert hint == "held list"
    assert listed(waybill, hint) == [WAITING["id"]]


def test_what_waited_too_long_is_looked_for_among_the_dead(waybill: Command) -> None:
    impatient = waybill.with_(WAYBILL_HOLD_HOURS="0")
    (hint,) = hints(ingested(impatient, ORDER, WAITING))
    assert listed(impatient, hint) == [WAITING["id"]]


@pytest.mark.parametrize("more", [(), (VOID,)])
def test_a_strict_ingest_names_a_list_of_all_that_are_dead(waybill: Command, more: tuple[Document, ...]) -> None:
    file = waybill.file("messages.jsonl", ORDER, CANCELLED, FORBIDDEN, WRONG, *more)
    ran = waybill("ingest", file, "--strict").exited(
        1, "2 messages of this file are dead" if more else "1 message of this file is dead"
    )
    hint = hints(ran)[-1]
    assert len(listed(waybill, hint)) == 1 + len(more)


def test_status_names_the_list_of_the_dead(waybill: Command) -> None:
    waybill.ingest(ORDER, BROKEN)
    ran = waybill("status")
    (hint,) = hints(ran)
    assert "1 dead" in ran.text
    assert listed(waybill, hint) == ["malformed"]


def test_status_says_how_many_of_the_dead_are_set_aside(waybill: Command) -> None:
    waybill.ingest(ORDER, WRONG, VOID, name="1")
    ran = waybill("status")
    assert "1 dead, 1 of them set aside (1 voided, 0 discarded)" in ran.text
    (hint,) = hints(ran)
    assert listed(waybill, hint) == [WRONG["id"]]

    waybill.ingest(BROKEN, name="2")
    ran = waybill("status")
    assert "2 dead, 1 of them set aside (1 voided, 0 discarded)" in ran.text
    (hint,) = hints(ran)
    assert listed(waybill, hint) == ["malformed"]


def test_the_list_says_how_many_it_leaves_out(waybill: Command) -> None:
    waybill.ingest(ORDER, WRONG, VOID)
    ran = waybill("dead-letters", "list")
    assert "1 more are set aside" in ran.text
    (hint,) = hints(ran)
    assert listed(waybill, hint) == [WRONG["id"]]
    assert "set aside" not in waybill(*hint.split()).text


def test_the_list_by_a_clock_counts_what_it_leaves_out_by_that_clock(waybill: Command) -> None:
    waybill.ingest(ORDER, WRONG, VOID)
    assert hints(waybill("dead-letters", "list", "--as-of", "2025-03-01")) == []


def test_the_list_names_the_command_that_shows_a_letter_whole(waybill: Command) -> None:
    waybill.ingest(ORDER, BROKEN)
    (hint,) = hints(waybill("dead-letters", "list"))
    (letter,) = waybill.ask("dead-letters", "list")
    shown = waybill.ask(*hint.replace("LETTER_ID", letter["letter_id"]).split())
    assert shown["body"].encode() == BROKEN


def test_a_message_that_is_not_known_may_be_malformed(waybill: Command) -> None:
    waybill.ingest(ORDER, {**WRONG, "data": {}})
    (told,) = waybill.ask("message", SOURCE, WRONG["id"])
    shown = waybill.ask("dead-letters", "show", told["letter_id"])
    assert (shown["verdict"], shown["source"], shown["id"]) == ("malformed", SOURCE, WRONG["id"])


def test_a_message_that_is_not_known_may_be_one_that_claims_nothing(waybill: Command) -> None:
    waybill.ingest(ORDER, b"{}")
    (hint,) = hints(waybill("message", SOURCE, WRONG["id"]).exited(1, "message not found"))
    assert listed(waybill, hint) == ["malformed"]


def test_verify_names_the_command_that_brings_the_views_up(waybill: Command) -> None:
    waybill("ingest", waybill.file("messages.jsonl", ORDER), "--no-project").done()
    (hint,) = hints(waybill("verify").exited(0, "1 event behind"))
    waybill(*hint.split()).done()
    waybill("verify").done()
