"""However many projectors run on one store, one is active; when it dies or freezes, another one takes over."""

import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.event import listens_for
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from domain.checkpoint import CheckpointMovedError
from infra.app.container import Waybill
from infra.app.rebuild.rebuild import Rebuild
from infra.app.verify import verify_store
from infra.store.leadership import FileLeadership
from infra.store.operator_log import Who
from infra.store.postgres import leadership
from infra.store.retries import passes
from projections.catalogue import PROJECTIONS
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.replacement import Replacement
from projections.runner import Runner
from projections.shipments import SHIPMENTS
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.command import KILLED, Command, Running
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in

LINES = floor(40)
HALF = len(LINES) // 2


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a store says that one process took in and projected."""
    url = f"sqlite:///{tmp_path_factory.mktemp('peace') / 'waybill.db'}"
    with Waybill(in_small_batches(url)) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        take_in(waybill, LINES[HALF:], "second half")
    return answers_of(url)


@pytest.fixture
def service(waybill: Command, new_store: StoreUrl) -> Command:
    waybill.file("first.jsonl", *LINES[:HALF])
    waybill.file("second.jsonl", *LINES[HALF:])
    return waybill.with_(
        WAYBILL_STORE=new_store(),
        WAYBILL_BATCH_MESSAGES="20",
        WAYBILL_BATCH_EVENTS="5",
        WAYBILL_LOG_LEVEL="info",
    )


def until(so: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit is the end of that."""
    while not so():
        time.sleep(0.02)


def says(projector: Running, event: str) -> Callable[[], bool]:
    def said() -> bool:
        assert projector.is_alive(), projector.said
        return event in projector.said

    return said


def caught_up(service: Command) -> Callable[[], bool]:
    def all_reflected() -> bool:
        told = service.ask("status")
        return all(projection["position"] == told["head"] for projection in told["projections"])

    return all_reflected


# -- processes -----------------------------------------------------------------------------------


def test_one_that_is_killed_is_followed_by_one_that_stands_by(service: Command, in_peace: dict[str, Any]) -> None:
    # given an active projector and two that stand by
    active = service.start("project")
    until(says(active, "leadership_taken"))
    others = [service.start("project") for _ in range(2)]
    for other in others:
        until(says(other, "standing_by"))
    service("ingest", "first.jsonl", "--no-project").done()
    # when the active one is killed
    active.kill()
    assert active.wait().code == KILLED
    # then one of the others is active, and one alone
    until(lambda: any("leadership_taken" in other.said for other in others))
    service("ingest", "second.jsonl", "--no-project").done()
    until(caught_up(service))
    assert ["leadership_taken" in other.said for other in others].count(True) == 1
    # and who is told to stop gives way to the last one
    others.sort(key=lambda other: "leadership_taken" in other.said)
    others.pop().terminate()
    until(says(others[0], "leadership_taken"))
    others[0].terminate()
    others[0].wait().done()
    assert_same_answers(service.setting("WAYBILL_STORE"), in_peace)


def test_one_that_was_frozen_writes_nothing_when_it_wakes(service: Command, in_peace: dict[str, Any]) -> None:
    store = service.setting("WAYBILL_STORE")
    service("ingest", "first.jsonl", "--no-project").done()
    # given a projector that is frozen in the midst of its work, but not of a transaction
    zombie = service.start("project")
    until(says(zombie, "batch_projected"))
    zombie.signal(signal.SIGSTOP)
    while not writable(store):
        zombie.signal(signal.SIGCONT)
        time.sleep(0.01)
        zombie.signal(signal.SIGSTOP)
    # when it loses its claim, and another one takes over and projects all
    take_claim_away(service)
    other = service.start("project")
    until(says(other, "leadership_taken"))
    service("ingest", "second.jsonl", "--no-project").done()
    until(caught_up(service))
    # and it wakes up
    zombie.signal(signal.SIGCONT)
    service("ingest", "second.jsonl", "--no-project").done()
    until(caught_up(service))
    for projector in (zombie, other):
        projector.terminate()
        projector.wait().done()
    # then the rows are those that the events lead to, and every total is right
    service("verify").done()
    books = service.ask("status")["books"]
    assert books["duplicate"] >= len(LINES) - HALF
    views = [name for name in in_peace if " as of " in name]
    found = answers_of(store)
    assert {name: found[name] for name in views} == {name: in_peace[name] for name in views}


def writable(store: str) -> bool:
    """Whether nobody is in the midst of a transaction that moves a projection."""
    if store.startswith("postgresql"):
        with psycopg.connect(store) as connection:
            (in_one,) = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'projection_positions'::regclass "
                "AND mode = 'RowExclusiveLock'"
            ).fetchone() or (1,)
            return not in_one
    try:
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"), timeout=0.1)) as file:
            file.execute("BEGIN IMMEDIATE")
            return True
    except sqlite3.OperationalError:
        return False


def take_claim_away(service: Command) -> None:
    """As the server does when it hears nothing for long, or who empties the folder of temporary files."""
    store = service.setting("WAYBILL_STORE")
    if store.startswith("postgresql"):
        with psycopg.connect(store) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchall()
            assert len(ended) == 1
    else:
        for lock in service.folder.glob("waybill-*/*.lock"):
            lock.unlink()


# -- what fences them ----------------------------------------------------------------------------


@pytest.fixture
def pair(new_store: StoreUrl) -> Iterator[tuple[Waybill, Waybill]]:
    """Two processes on one store that has messages to project."""
    settings = in_small_batches(new_store())
    with Waybill(settings) as one, Waybill(settings) as other:
        take_in(one, LINES[:HALF], "first half")
        yield one, other


def test_a_batch_that_another_one_has_written_meanwhile_is_not_written_again(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[Waybill, Waybill], in_peace: dict[str, Any]
) -> None:
    slow, fast = pair
    replace, reached, go_on = slow.rows.replace, Event(), Event()

    def replace_late(replacements: list[Replacement], start: int, end: int) -> None:
        reached.set()
        go_on.wait()
        replace(replacements, start, end)

    # given a projector that has settled a batch and stops there
    monkeypatch.setattr(slow.rows, "replace", replace_late)
    projector = Thread(target=slow.project)
    with capture_logs() as logs:
        projector.start()
        reached.wait()
        # when another one, which does not know of it, projects that batch and the next ones
        while fast.runner.step():
            pass
        written = fast.rows.positions(PROJECTIONS)
        go_on.set()
        projector.join()
    # then the first one notices and has written nothing
    assert "checkpoint_moved" in [entry["event"] for entry in logs]
    assert "batch_projected" not in [entry["event"] for entry in logs]
    assert slow.rows.positions(PROJECTIONS) == written
    take_in(slow, LINES[HALF:], "second half")
    assert_same_answers(slow.settings.store, in_peace)


def test_the_positions_of_a_batch_move_together_and_the_one_that_was_moved_before_is_named(
    pair: tuple[Waybill, Waybill],
) -> None:
    waybill, _ = pair
    # given one of three projections that another process has moved on
    waybill.rows.replace([Replacement(FOLLOW_UPS)], 0, 7)
    # when all three are moved from where it stood
    replacements = [Replacement(projection) for projection in (ORDER_STATES, FOLLOW_UPS, SHIPMENTS)]
    with pytest.raises(CheckpointMovedError, match="another process has moved follow_ups on from 0"):
        waybill.rows.replace(replacements, 0, 7)
    # then none of them was
    assert {name for name, position in waybill.rows.positions(PROJECTIONS).items() if position} == {"follow_ups"}


def test_what_began_in_a_batch_has_no_earlier_rows_to_look_for(pair: tuple[Waybill, Waybill]) -> None:
    waybill, _ = pair
    statements: list[str] = []
    looks = ("DELETE FROM order_states", "SELECT order_states")

    @listens_for(waybill.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.extend(look for look in looks if look in statement)

    # given an order's first message: its first rows are inserted without a look for others
    waybill.project()
    begun = [line for line in LINES if b"order.placed" in line][-1]
    another = begun.replace(json.loads(begun)["subject"].encode(), b"SO-ANOTHER").replace(
        json.loads(begun)["id"].encode(), b"ANOTHER"
    )
    take_in(waybill, [another], "another")
    statements.clear()
    waybill.project()
    assert statements == []
    # when it has another message, then its rows are replaced
    cancelled = {**json.loads(another), "type": "order.cancelled.v1", "id": "ANOTHER-2", "data": {"reason": "no"}}
    take_in(waybill, [json.dumps(cancelled).encode()], "cancelled")
    waybill.project()
    assert sorted(statements) == sorted(looks)
    assert not verify_store(waybill).findings


def test_a_step_that_left_no_events_needs_no_empty_one_after_it(pair: tuple[Waybill, Waybill]) -> None:
    waybill, _ = pair
    batch = waybill.history.count_after(0) // 2 + 1
    runner = Runner(waybill.history, waybill.rows, PROJECTIONS, batch)
    # given a full batch: there may be more
    assert runner.step() and runner.has_more()
    # when the next one is not full, then it was the last
    assert runner.step() and not runner.has_more()
    assert runner.reached(waybill.history.head()) and runner.step() is None


@pytest.mark.postgres
def test_only_a_projector_and_the_fill_of_a_rebuild_commit_without_waiting_for_the_disk(
    postgres_store: StoreUrl,
) -> None:
    with Waybill(in_small_batches(postgres_store())) as waybill:
        shown: list[str] = []

        @listens_for(waybill.engine, "commit")
        def note(connection: Connection) -> None:
            shown.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())

        take_in(waybill, LINES[:HALF])
        assert set(shown) == {"on"}
        shown.clear()
        while waybill.runner.step():
            pass
        assert set(shown) == {"off"}
        # and the connections that it used wait again for whoever is next
        take_in(waybill, LINES[HALF:], "second half")
        assert shown[-1] == "on"
        shown.clear()
        waybill.react(Event(), once=True)
        assert set(shown) == {"on"}
        shown.clear()
        Rebuild(waybill, Who("ann", "faster")).run([SHIPMENTS])
        # a rebuild waits when it begins, when all pages are filled, and when it switches
        assert [waits for waits, _ in groupby(shown)] == ["on", "off", "on"]


@pytest.mark.postgres
def test_the_server_frees_a_claim_of_which_it_hears_nothing(
    monkeypatch: pytest.MonkeyPatch, postgres_store: StoreUrl
) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 1)
    with Waybill(in_small_batches(postgres_store())) as waybill:
        silent, other = waybill.backend.leadership("projector"), waybill.backend.leadership("projector")
        assert silent.claim()
        # when nothing is heard of who has the claim
        until(other.claim)
        # then it is told so as soon as it asks
        with pytest.raises(OperationalError) as lost:
            silent.claim()
        assert passes(lost.value)
        assert not silent.claim()
        silent.close()
        other.close()


@pytest.mark.postgres
def test_a_claim_lasts_while_its_holder_waits_for_news(
    monkeypatch: pytest.MonkeyPatch, postgres_store: StoreUrl
) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 1)
    with Waybill(in_small_batches(postgres_store())) as waybill:
        active, other = waybill.backend.leadership("projector"), waybill.backend.leadership("projector")
        assert active.claim()
        active.wait(Event(), 2)
        assert not other.claim()
        active.close()
        assert other.claim()
        other.close()


def test_of_two_claims_on_one_file_one_holds(tmp_path: Any) -> None:
    one, other = (FileLeadership("projector", str(tmp_path / "waybill.db")) for _ in range(2))
    assert one.claim() and one.claim()
    assert not other.claim()
    one.close()
    assert other.claim()
    other.close()
