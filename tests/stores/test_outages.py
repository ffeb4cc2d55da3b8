"""The store is away, or others are in the way: work is tried again until it is done, and nothing is doubled."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from queue import SimpleQueue
from random import Random
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.app.status import read_status
from infra.store import retries
from infra.store.postgres import backend, datastore
from infra.store.retries import passes
from projections.views.tables import order_states
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in

LINES = floor(25)
BUSY_STATES = ("40001", "40P01", "55P03", "57014")
"""Serialization failure, deadlock, a lock that took too long, a statement that did."""
TABLES = ("feeds", "waybill_events", "messages", "projection_positions", order_states.name)


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a store says that nothing disturbed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('peace') / 'waybill.db'}"
    with Waybill(in_small_batches(url)) as waybill:
        take_in(waybill, LINES)
    return answers_of(url)


@pytest.fixture
def url(postgres_store: StoreUrl) -> str:
    return postgres_store()


@pytest.fixture
def waybill(url: str) -> Iterator[Waybill]:
    with Waybill(in_small_batches(url)) as waybill:
        yield waybill


def failing(url: str, table: str, state: str, times: int) -> None:
    """Let so many statements that write to a table fail. A sequence counts on when a transaction is rolled back."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SEQUENCE tries")
        connection.execute(
            sql.SQL(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF nextval('tries') <= {} THEN RAISE EXCEPTION 'not now' USING ERRCODE = {}; END IF; "
                "RETURN NULL; END $$"
            ).format(times, state)
        )
        connection.execute(
            sql.SQL(
                "CREATE TRIGGER fail AFTER INSERT OR UPDATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION fail()"
            ).format(sql.Identifier(table))
        )


def reasons(logs: list[Any]) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "store_unavailable"]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("table", "state"), [(table, BUSY_STATES[n % 4]) for n, table in enumerate(TABLES)] + [("messages", "40001")]
)
def test_a_transaction_that_lost_against_another_is_tried_again(
    waybill: Waybill, url: str, in_peace: dict[str, Any], table: str, state: str
) -> None:
    # given a statement that fails twice, as it does when others are in the way
    failing(url, table, state, times=2)
    # when messages are stored and projected
    with capture_logs() as logs:
        take_in(waybill, LINES)
        waybill.project()
    # then each failure was told, and all is as in peace
    assert reasons(logs) == ["not now"] * 2
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
def test_a_lock_that_another_session_holds_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, url: str, in_peace: dict[str, Any]
) -> None:
    # given a session that keeps writers out for longer than they wait for a lock
    for where in (backend, datastore):  # for the session, and for the library's lock on the table
        monkeypatch.setattr(where, "LOCK_TIMEOUT_SECONDS", 1)
    with Waybill(in_small_batches(url)) as waybill, psycopg.connect(url) as other, capture_logs() as logs:
        other.execute("LOCK TABLE waybill_events IN EXCLUSIVE MODE")
        ingest = Thread(target=take_in, args=(waybill, LINES))
        ingest.start()
        while not reasons(logs):
            time.sleep(0.05)
        # when it lets go, then the messages are stored after all
        other.rollback()
        ingest.join()
    assert "lock timeout" in reasons(logs)[0]
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
def test_who_reads_is_not_kept_out_by_who_writes(waybill: Waybill, url: str) -> None:
    take_in(waybill, LINES)
    with psycopg.connect(url) as writer:
        # given a writer that does not come to an end
        writer.execute("LOCK TABLE waybill_events IN EXCLUSIVE MODE")
        # when another process opens the store, then it is answered
        with Waybill(in_small_batches(url + "?options=-c%20lock_timeout%3D5s")) as reader:
            assert read_status(reader).books._asdict() == read_status(waybill).books._asdict()


@pytest.mark.postgres
def test_sessions_that_the_server_ends_again_and_again(waybill: Waybill, url: str, in_peace: dict[str, Any]) -> None:
    """Also between a commit and its answer: then nobody knows whether it was one, and the store is asked."""
    done = Event()
    rounds: SimpleQueue[None] = SimpleQueue()

    def end_sessions() -> None:
        draw = Random(7)
        with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as operator:
            while not done.is_set():
                operator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (url.rsplit("/", 1)[1],),
                )
                rounds.put(None)
                time.sleep(draw.uniform(0.05, 0.3))

    statements = count()

    def be_ended_now_and_then(*_: Any) -> None:
        """However the threads are scheduled, some statements find that their session has just been ended."""
        if next(statements) in (10, 40, 70):
            while not rounds.empty():
                rounds.get()
            rounds.get()  # This may have begun before.
            rounds.get()

    operator = Thread(target=end_sessions)
    with capture_logs() as logs:
        event.listen(waybill.engine, "before_cursor_execute", be_ended_now_and_then)
        operator.start()
        try:
            take_in(waybill, LINES)
            waybill.project()
        finally:
            event.remove(waybill.engine, "before_cursor_execute", be_ended_now_and_then)
            done.set()
            operator.join()
    assert reasons(logs), "nothing was disturbed"
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
def test_a_commit_whose_answer_is_lost_counts_once(
    monkeypatch: pytest.MonkeyPatch, waybill: Waybill, url: str, in_peace: dict[str, Any]
) -> None:
    dialect = waybill.engine.dialect
    commit: Callable[[Any], None] = dialect.do_commit
    commits = 0

    def commit_and_lose_every_third(connection: Any) -> None:
        nonlocal commits
        commit(connection)
        commits += 1
        # The first one opens the feed: its number is then not known, and another is opened.
        if commits % 3 == 0:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose_every_third)
    with capture_logs() as logs:
        take_in(waybill, LINES)
        waybill.project()
    monkeypatch.undo()
    assert reasons(logs)
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
def test_a_writer_that_is_frozen_is_ended_by_the_server(
    monkeypatch: pytest.MonkeyPatch, url: str, in_peace: dict[str, Any]
) -> None:
    # given a writer that has the lock and does nothing more
    monkeypatch.setattr(backend, "IDLE_WRITER_SECONDS", 1)
    with Waybill(in_small_batches(url)) as frozen, Waybill(in_small_batches(url)) as waybill:
        with pytest.raises(DBAPIError) as lost, frozen.register.transaction() as transaction:
            # when another one writes, then it waits for no more than that
            take_in(waybill, LINES)
            transaction.registered([])
        assert passes(lost.value)
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("table", "command"),
    [
        ("waybill_events", ("ingest", "floor.jsonl")),
        ("messages", ("ingest", "floor.jsonl")),
        ("projection_positions", ("project", "--once")),
    ],
)
def test_giving_up_is_said_in_a_line_with_what_to_do(
    waybill: Waybill, url: str, nursery: Any, tmp_path: Any, in_peace: dict[str, Any], table: str, command: Any
) -> None:
    # given a store in which others are in the way for ever
    service = Command(nursery, tmp_path, WAYBILL_STORE=url)
    service.file("floor.jsonl", *LINES)
    if command[0] == "project":
        take_in(waybill, LINES)
    failing(url, table, "40001", times=1_000_000)
    # when the command has tried for as long as the setting says
    ran = service.with_(WAYBILL_RETRY_SECONDS="0.5")(*command)
    # then it fails, says why and what to do
    ran.exited(1, "store_unavailable", "not now", "WAYBILL_RETRY_SECONDS", "run the same command again")
    # and that is so
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("DROP TRIGGER fail ON {}").format(sql.Identifier(table)))
    service(*command).done()
    assert_same_answers(url, in_peace)


@pytest.mark.postgres
def test_a_session_that_the_server_ends_at_any_access_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, waybill: Waybill, url: str, in_peace: dict[str, Any]
) -> None:
    """Ingest and project are interrupted before each of their statements in turn, whichever that is."""
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.01)  # The server is there again at once.
    database = url.rsplit("/", 1)[1]
    countdown = 0

    def end_all_sessions_in_time(connection: Any, *_: Any) -> None:
        nonlocal countdown
        countdown -= 1
        if countdown == 0:
            with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as operator:
                operator.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (database,)
                )

    event.listen(waybill.engine, "before_cursor_execute", end_all_sessions_in_time)
    taken = 0
    try:
        while countdown <= 0:
            # given a message that comes in while the sessions end before its next statement, the nth
            countdown = taken + 1
            with ingest_source(waybill, JsonLines.of_bytes(f"line {taken}", LINES[taken])):
                pass
            taken += 1
    finally:
        event.remove(waybill.engine, "before_cursor_execute", end_all_sessions_in_time)
    # then each was stored and projected all the same, whichever statement of it was interrupted
    assert taken > 20
    take_in(waybill, LINES[taken:])
    assert_same_answers(url, in_peace)
