"""Metrics and probes of a running part: they tell the truth, above all when the store is locked, away or too new."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from infra.app.container import Waybill, system_clock
from infra.settings import Settings
from infra.signals.process import ProcessSignals, signals_of
from infra.signals.pulse import THE_LOCK
from infra.store.newest_version import VERSION_TABLE
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.failures import record_failures
from infra.store.reactions.failures import THE_REACTOR_ITSELF, ReactionFailure, record_reaction_failure
from projections.catalogue import PROJECTIONS
from projections.failures import THE_PROJECTION_ITSELF, Failure
from tests.integration.probing import asked, problems_of, until, values
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in

LINES = floor(5)


@pytest.fixture(autouse=True)
def nothing_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.signals.process.STORE_FRESH_SECONDS", 0.0)


@contextmanager
def opened(store: StoreUrl) -> Iterator[Waybill]:
    # Shorter than the setting allows, so that the test does not wait.
    with Waybill(Settings(store=store()).model_copy(update={"stuck_seconds": 0.2})) as waybill:
        waybill.project()
        yield waybill


@pytest.fixture
def anywhere(new_store: StoreUrl) -> Iterator[Waybill]:
    with opened(new_store) as waybill:
        yield waybill


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with opened(sqlite_store) as waybill:
        yield waybill


@contextmanager
def projecting(waybill: Waybill) -> Iterator[tuple[int, ProcessSignals]]:
    """A projector with its endpoints, on a free port."""
    stop = Event()
    with signals_of(["project"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        thread = Thread(target=signals.run, args=("project", lambda p: waybill.projector(stop, p).run(once=False)))
        thread.start()
        try:
            assert signals.port is not None
            yield signals.port, signals
        finally:
            stop.set()
            thread.join()


@contextmanager
def locked(waybill: Waybill) -> Iterator[None]:
    """Another program has locked what the projector writes."""
    path = waybill.settings.sqlite_path
    if path is None:
        with psycopg.connect(waybill.settings.store) as session:
            session.execute("LOCK TABLE projection_positions IN EXCLUSIVE MODE")
            yield
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


WAITS = {True: f"; it waits: {THE_LOCK}", False: ": one step has been running since then"}
"""What a projector says of a lock: of the one lock of a file, and of any of PostgreSQL's."""


def problem_of(port: int) -> str | None:
    """What is wrong with the projector."""
    problem: str | None = problems_of(port).get("project", {}).get("problem")
    return problem


def test_a_projector_whose_store_is_locked_is_not_ready_and_says_since_when(anywhere: Waybill) -> None:
    take_in(anywhere, LINES)
    began = datetime.now(UTC)
    with ExitStack() as lock:
        lock.enter_context(locked(anywhere))
        with projecting(anywhere) as (port, _):
            until(lambda: problem_of(port) == f"has not moved{WAITS[anywhere.settings.sqlite_path is not None]}")
            problem = problems_of(port)["project"]
            assert began <= datetime.fromisoformat(problem["since"]) <= datetime.now(UTC)
            assert values(port)['waybill_part_stuck{part="project"}'] == 1
            assert values(port)["waybill_store_up"] == 1, "it can be read"
            assert problems_of(port, "/healthz") == {}, "its loop is alive"
            # when the lock is gone, then it moves and is ready
            lock.close()
            until(lambda: problems_of(port) == {} and anywhere.lag() == 0)
            until(lambda: values(port)['waybill_part_stuck{part="project"}'] == 0)


def test_the_gauges_are_what_status_says(anywhere: Waybill) -> None:
    take_in(anywhere, LINES)
    with signals_of(["project"], anywhere.settings, system_clock, "127.0.0.1:0") as signals:
        seen = values(signals.port or 0)
    head = anywhere.history.head()
    assert seen["waybill_head_position"] == head
    assert seen['waybill_projection_lag_events{projection="accounts",version="1"}'] == anywhere.lag() > 0
    assert seen['waybill_projection_lag_seconds{projection="accounts",version="1"}'] > 0
    assert seen['waybill_projection_state{projection="accounts",state="behind",version="1"}'] == 1
    books = sum(
        seen[f'waybill_messages{{verdict="{verdict}"}}'] for verdict in ("applied", "duplicate", "held", "dead")
    )
    assert books == len(LINES)
    assert seen['waybill_dead_letters{state="open"}'] > 0
    assert seen['waybill_oldest_age_seconds{what="dead"}'] > 0
    assert not any(value for series, value in seen.items() if series.startswith("waybill_reading_failed"))


def test_a_projection_that_is_stopped_makes_it_not_ready_at_once(waybill: Waybill) -> None:
    since = datetime(2026, 11, 29, 3, tzinfo=UTC)
    with waybill.engine.begin() as connection:
        record_failures(connection, PROJECTIONS[0], [Failure(THE_PROJECTION_ITSELF, 0, "KeyError: 'x'", since)])
    with projecting(waybill) as (port, _):
        until(lambda: problem_of(port) == f"projection {PROJECTIONS[0].name} is stopped: KeyError: 'x'")
        assert problems_of(port)["project"]["since"] == "2026-11-29T03:00:00Z"


def test_a_reactor_that_is_stopped_makes_it_not_ready_at_once(waybill: Waybill) -> None:
    since = datetime(2026, 11, 29, 3, tzinfo=UTC)
    with waybill.engine.begin() as connection:
        record_reaction_failure(connection, ReactionFailure("parcels", THE_REACTOR_ITSELF, 0, "KeyError: 'x'", since))
    with signals_of(["react"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        signals.pulses["react"].leads(True)
        problems = problems_of(signals.port or 0)
        seen = values(signals.port or 0)
    assert problems["react"]["problem"] == "reactor parcels is stopped: KeyError: 'x'"
    assert seen['waybill_part_stuck{part="react"}'] == 1
    assert seen['waybill_oldest_age_seconds{what="parked"}'] == 0, "it is stopped, not parked"


def test_what_an_earlier_version_parked_is_nobody_s_problem_any_more(waybill: Waybill) -> None:
    earlier = replace(PROJECTIONS[0], version=PROJECTIONS[0].version - 1)
    since = datetime(2026, 11, 29, 3, tzinfo=UTC)
    with waybill.engine.begin() as connection:
        kept = [Failure(key, 0, "KeyError: 'x'", since) for key in ("SO-1", THE_PROJECTION_ITSELF)]
        record_failures(connection, earlier, kept)
    with projecting(waybill) as (port, _):
        until(lambda: problems_of(port) == {})
        seen = values(port)
    assert seen['waybill_oldest_age_seconds{what="parked"}'] == 0
    assert not any(series.startswith("waybill_parked_keys") for series in seen)


def test_a_group_that_cannot_be_read_is_told_whole_and_makes_its_part_not_ready(waybill: Waybill) -> None:
    with waybill.engine.begin() as connection:
        connection.execute(text("ALTER TABLE projection_builds RENAME TO away"))
    with capture_logs() as logs, signals_of(["project"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        port = signals.port or 0
        signals.pulses["project"].leads(True)
        until(lambda: "projections cannot be read" in (problem_of(port) or ""))
        first = problems_of(port)["project"]
        seen = values(port)
        assert seen['waybill_reading_failed{reading="projections"}'] == 1
        assert seen['waybill_reading_failed{reading="books"}'] == 0
        assert not any(series.startswith(("waybill_paused", "waybill_projection_")) for series in seen), "not half"
        assert problems_of(port)["project"]["since"] == first["since"]
        # when it can be read again, then nothing more is said of it
        with waybill.engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO projection_builds"))
        until(lambda: "cannot be read" not in (problem_of(port) or ""))
    told = [(log["reading"], log["log_level"]) for log in logs if log["event"] == "reading_failed"]
    assert sorted(told) == [("projections", "warning"), ("rebuilds", "warning")], "once each"


def test_a_scrape_does_not_fail_because_the_store_is_away(no_file: StoreUrl) -> None:
    with signals_of(["project"], Settings(store=no_file()), system_clock, "127.0.0.1:0") as signals:
        seen = values(signals.port or 0)
        assert seen["waybill_store_up"] == 0
        assert "waybill_head_position" not in seen
        assert "there is no store at" in problems_of(signals.port or 0)["store"]["problem"]


@pytest.mark.postgres
def test_a_store_that_hangs_is_given_up(postgres_store: StoreUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.signals.process.PATIENCE_SECONDS", 0.2)
    url = postgres_store()
    with Waybill(Settings(store=url)) as waybill, psycopg.connect(url) as other:
        other.execute(f"LOCK TABLE {VERSION_TABLE}")
        with signals_of(["project"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
            assert values(signals.port or 0)["waybill_store_up"] == 0
            assert "no answer after" in problems_of(signals.port or 0)["store"]["problem"]
            other.rollback()
            until(lambda: problems_of(signals.port or 0) == {})


def test_a_store_that_a_newer_version_has_migrated_is_not_ready(waybill: Waybill) -> None:
    with waybill.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with signals_of(["project"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        assert "a newer waybill created" in problems_of(signals.port or 0)["store"]["problem"]


def test_a_part_that_died_is_not_alive(waybill: Waybill) -> None:
    def die(_: object) -> None:
        raise OSError("the disk is gone")

    with signals_of(["react"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        with pytest.raises(OSError, match="gone"):
            signals.run("react", die)
        assert problems_of(signals.port or 0, "/healthz")["react"]["problem"] == "its loop has ended: the disk is gone"
        assert values(signals.port or 0)['waybill_part_up{part="react"}'] == 0


def test_other_paths_are_not_found(waybill: Waybill) -> None:
    with signals_of(["react"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        assert asked(signals.port or 0, "/")[0] == 404


def test_a_rebuild_that_was_begun_tells_how_far_it_is(waybill: Waybill) -> None:
    take_in(waybill, LINES)
    waybill.project()
    orders = next(projection for projection in PROJECTIONS if projection.name == "order_states")
    ProjectionBuilds(waybill.engine, waybill.clock).begin([orders], waybill.history.head())
    with signals_of(["project"], waybill.settings, system_clock, "127.0.0.1:0") as signals:
        seen = values(signals.port or 0)
    assert seen['waybill_rebuild_filled_ratio{projection="order_states"}'] == 0
    assert seen['waybill_rebuild_left_events{projection="order_states"}'] > 0
    assert seen['waybill_rebuild_age_seconds{projection="order_states"}'] >= 0
