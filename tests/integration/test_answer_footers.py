"""Every answer names the store that gave it, how old that is, and whether the views are behind."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.integration.command import Command
from tests.integration.messages import SOURCE, booked, placed, registered
from tests.stores.conftest import StoreUrl, new_databases, postgres_server, postgres_store

__all__ = ["new_databases", "postgres_server", "postgres_store"]  # fixtures

MESSAGES = (
    registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder"),
    placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-1"),
    booked("SO-2", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z"),
    b"{}",
)
ANSWERS = (
    *(("overdue",), ("workload",), ("scorecard",), ("order", "SO-1"), ("message", SOURCE, "OE-1")),
    *(("trace", SOURCE, "OE-1"), ("trend", "overdue", "--since", "2026-11-01"), ("quote", "--mode", "courier")),
    *(("events",), ("held", "list"), ("held", "list", "--by", "reason"), ("dead-letters", "list"), ("status",)),
    *(("dead-letters", "list", "--by", "reason"), ("parked", "list"), ("verify",), ("diff", "overdue"), ("balance",)),
)
FOOTER = re.compile(r"store waybill\.db: position 3, last message \d+ (?:s|min) ago")


@pytest.fixture
def filled(waybill: Command) -> Command:
    waybill.ingest(*MESSAGES)
    return waybill


def test_every_answer_ends_with_the_store_its_position_and_its_age(filled: Command) -> None:
    for command in ANSWERS:
        table = filled(*command).done()
        assert len(FOOTER.findall(table.text)) == 1, command
    for command in ANSWERS[::4]:
        asked = filled(*command, "--format", "json").done()
        assert len(FOOTER.findall(asked.err)) == 1, command
        assert not FOOTER.search(asked.text), command
    exported = filled("export", "overdue", "--to", "overdue.csv").done().text
    assert FOOTER.search(exported)


@pytest.mark.postgres
def test_every_question_is_answered_on_postgresql_while_the_views_are_behind(
    waybill: Command, postgres_store: StoreUrl
) -> None:
    asked = waybill.with_(WAYBILL_STORE=postgres_store())
    asked.ingest(*MESSAGES)
    more = [placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z") for number in (7, 8)]
    asked("ingest", asked.file("more.jsonl", *more), "--no-project").done()
    for command in ANSWERS:
        asked(*command).done()
    assert "views 2 events behind: waybill project --once" in asked("overdue").done().text


def test_an_answer_of_views_that_are_behind_says_what_to_type(filled: Command) -> None:
    more = [placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z") for number in (7, 8)]
    filled("ingest", filled.file("more.jsonl", *more), "--no-project").done()
    for command in (("overdue",), ("status",)):
        said = filled(*command).done().text
        assert re.search(r"position 5, last message \d+ (?:s|min) ago", said)
        assert "views 2 events behind: waybill project --once" in said
    filled("project", "--once").done()
    assert "views up to date" in filled("overdue").done().text


def test_the_age_is_that_of_the_last_message_received_however_old_the_history_and_the_newest_event(
    waybill: Command,
) -> None:
    recorded = {"recordedtime": "2025-03-03T09:00:00Z"}
    order = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", **recorded)
    waybill("ingest", waybill.file("history.jsonl", order), "--history").done()
    assert re.search(r"position 1, last message \d+ (?:s|min) ago", waybill("overdue").done().text)
    # given that this was long ago, and events of the service's own since
    with closing(sqlite3.connect(waybill.store)) as store, store:
        store.execute("UPDATE feeds SET moved_at = moved_at - 3 * 86400 * 1000000")
    waybill("pause", "order_states", "--reason", "why").done()
    waybill("react", "--once").done()
    assert "last message 3 days ago" in waybill("overdue").done().text


def test_views_that_were_paused_send_the_reader_to_the_status(filled: Command) -> None:
    filled("pause", "order_states", "--reason", "why").done()
    filled("ingest", filled.file("more.jsonl", placed("SO-9", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"))).done()
    assert "behind: one is paused or failed: waybill status" in filled("overdue").done().text


def test_an_answer_from_before_the_first_order_says_so(filled: Command) -> None:
    said = "that is before the first order of this store (2025-03-03 09:00Z)"
    for command in (
        ("overdue", "--as-of", "2020-01-01"),
        ("trend", "open", "--since", "2020-01-01", "--until", "2020-01-02"),
    ):
        assert said in filled(*command).done().text
    assert "first order" not in filled("overdue", "--as-of", "2025-03-05").done().text
    none = filled("trend", "late", "--since", "2025-03-05", "--until", "2025-03-06", "--by", "rep").done().text
    assert "none at any of these instants" in none


def test_an_empty_store_says_that_it_is_empty(waybill: Command) -> None:
    waybill.ingest()
    for command in (("overdue",), ("held", "list"), ("dead-letters", "list"), ("quote", "--mode", "courier")):
        said = waybill(*command).done().text
        assert "the store waybill.db is empty: no message was ever received" in said
        assert "none" not in said.splitlines()
    # A message that was malformed was received.
    waybill.ingest(b"{}")
    assert "empty" not in waybill("overdue").done().text


def test_an_answer_that_something_is_not_known_ends_with_the_store_and_says_that_messages_may_be_unread(
    filled: Command,
) -> None:
    unknown = (("message", SOURCE, "OE-9"), ("trace", SOURCE, "OE-9"), ("order", "SO-9"), ("overdue", "--rep", "rep-9"))
    for command in unknown:
        assert len(FOOTER.findall(filled(*command).exited(1).err)) == 1, command
    filled("pause", "consume", "--reason", "why").done()
    for command in unknown:
        filled(*command).exited(1, "consume is paused since", "messages may be unread: waybill resume consume")
    assert "consume is paused since" in filled("overdue").done().text


def test_a_footer_that_the_store_does_not_give_says_so_and_leaves_the_answer(filled: Command) -> None:
    with closing(sqlite3.connect(filled.store)) as store, store:
        store.execute("ALTER TABLE pauses RENAME TO lost")
    answer = filled("overdue").done().text
    assert "SO-1" in answer
    assert "where it stands could not be read: no such table: pauses: waybill doctor" in answer
