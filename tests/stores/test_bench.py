"""A short run of the benchmarks: every row stands beside its reference, every goal is judged, the JSON is whole.

No figure is asserted: they say nothing on a machine that does other things, too.
"""

import gc
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import psycopg
import pytest
from rich.console import Console

from bench import growth, processor, questions, references, sections, workloads
from bench.__main__ import figures_as_json, print_found, write_json
from bench.broker import Broker
from bench.durability import waits_for_disk
from bench.goals import BARE_POLL, CONSUME, FRESHNESS, GOALS, P50, P99, Goal, goal_of
from bench.measuring import measure, measure_here
from bench.processor import PROC, postmaster_of, seconds_of
from bench.report import Row
from bench.sampling import profile_here
from bench.sections import WITH_A_BROKER, Bench, Found, Scale, Section, pairs_of, run
from bench.stores import Database, NewStore, databases_on, sqlite_stores
from bench.throughput import THINGS, source_of
from consumers.contract import ReadingRules, read_message
from infra.simulation import DEFAULT_UNTIL, simulate

SHORT = Scale(
    messages=200,
    rounds=1,
    plain_messages=5,
    runner_events=5,
    times_grown=2,
    orders=1_000,
    still_open=100,
    asks=3,
    asks_of_the_past=2,
    freshness_seconds=1,
    long_order_events=10,
    short_order_events=3,
    more_messages=3,
    post_seconds=0.5,
)
GOALS_WITH_A_BROKER = {
    (CONSUME, BARE_POLL),
    (FRESHNESS, P50),
    (FRESHNESS, P99),
}
IN_PROCESSES = (*WITH_A_BROKER, Section.POSTS)
"""These start processes: too slow for every day."""


@pytest.fixture(autouse=True)
def collecting_as_before() -> Iterator[None]:
    """What measurements change of this process."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bench_on(database: Database, new_store: NewStore, folder: Path, broker: Broker | None = None) -> Bench:
    source, server = source_of(SHORT.messages, folder), postmaster_of(new_store("server"))
    return Bench(
        database,
        new_store,
        folder,
        source,
        SHORT,
        tell=lambda what: None,
        broker=broker,
        server=server,
        measured_by=measure_here,
        profiled_by=profile_here,
    )


def rows_of(found: Found) -> list[Row]:
    return [*found.speeds, *found.latencies, *found.growth, *found.posts]


def expect_whole(found: Found, database: Database, folder: Path) -> None:
    """Everything was printed beside its reference, judged where it has a goal, and written as JSON."""
    console = Console(width=400, record=True, file=(folder / "said").open("w"))
    print_found(console, database, found, "a disk")
    said = console.export_text()
    for row in rows_of(found):
        assert row["reference"]
        assert str(row.get("what", row.get("server"))) in said
        assert str(row["reference"]) in said
        assert ("reached" in row["reached"] or "missed by" in row["reached"]) == bool(row["goal"])
        assert row["goal"] in said
    for parts in found.profiles.values():
        assert 0 < len(parts) <= 10
    write_json(folder / "bench.json", figures_as_json(SHORT, {}, {database: found}))
    kept = json.loads((folder / "bench.json").read_text())
    assert {
        "date",
        "commit",
        "command",
        "machine",
        "versions",
        "batch_messages",
        "batch_events",
        "scale",
        "disks",
        "figures",
    } <= kept.keys()
    assert [row["reference"] for row in kept["figures"][database]["speeds"]] == [
        row["reference"] for row in found.speeds
    ]


@pytest.fixture
def judged_by(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The goals that the sections asked for and got."""
    found: set[tuple[str, str]] = set()

    def noting(what: str, by: str, database: Database) -> Goal | None:
        goal = goal_of(what, by, database)
        if goal is not None:
            found.add((what, by))
        return goal

    for module in (growth, questions, sections):
        monkeypatch.setattr(module, "goal_of", noting)
    return found


def goals_on(database: Database) -> set[tuple[str, str]]:
    return {key for key, goal in GOALS.items() if isinstance(goal, Goal) or database in goal}


def policies(found: Found) -> set[tuple[str, str, str, str]]:
    """Of each speed and its reference: whether its commits wait for the disk."""
    return {(row["what"], row["waits"], row["reference"], row["reference_waits"]) for row in found.speeds}


def measured(found: Found) -> set[tuple[str, str]]:
    return {(str(row["what"]), str(row["reference"])) for row in found.speeds}


def test_a_short_run_on_sqlite_tells_every_row_beside_its_reference(
    workplace: Path, judged_by: set[tuple[str, str]]
) -> None:
    found = run(bench_on(Database.SQLITE, sqlite_stores(workplace), workplace), set(Section) - set(IN_PROCESSES))

    expect_whole(found, Database.SQLITE, workplace)
    assert {
        ("ingest", "plain loop"),
        ("ingest", "raw insert"),
        ("project", "pull loop"),
        ("rebuild", "pull loop"),
    } <= measured(found)
    assert [row["what"].split(",")[0] for row in found.growth[::2]] == [
        "ingest",
        "project",
        "rebuild",
        "overdue --as-of",
        "export",
    ]
    assert judged_by == goals_on(Database.SQLITE) - GOALS_WITH_A_BROKER
    assert {waits for _, *rest in policies(found) for waits in rest[::2]} == {"yes"}


@pytest.mark.postgres
def test_a_short_run_on_postgresql_tells_every_row_and_the_time_of_the_server(
    workplace: Path, postgres_server: str, judged_by: set[tuple[str, str]]
) -> None:
    new_store = databases_on(postgres_server)

    found = run(bench_on(Database.POSTGRESQL, new_store, workplace), [Section.INGEST, Section.PROJECT])

    expect_whole(found, Database.POSTGRESQL, workplace)
    assert {
        ("ingest", "plain loop"),
        ("ingest", "raw insert"),
        ("project", "ProjectionRunner"),
        ("project", "ProjectionRunner, synchronous_commit off"),
    } == measured(found)
    assert {
        ("ingest", "yes", "raw insert", "yes"),
        ("project", "no", "ProjectionRunner", "yes"),
        ("project", "no", "ProjectionRunner, synchronous_commit off", "no"),
    } <= policies(found)
    assert judged_by == {key for key in goals_on(Database.POSTGRESQL) if key[0] in ("ingest", "project")}
    assert all(row["server_us"] is not None for row in found.speeds)


@pytest.mark.postgres
def test_a_runner_commits_as_its_row_says(tmp_path: Path, postgres_server: str) -> None:
    store = databases_on(postgres_server)("runners")
    assert list(workloads.ingest(source_of(100, tmp_path), store))[-1] == 100

    for waits in (True, False):
        assert list(references.projection_runner(store, 5, waits)) == [0, 5]

    with psycopg.connect(store) as connection:
        kept = [
            connection.execute(f"SELECT synchronous_commit, counted >= 5 FROM {table}_counted_events").fetchone()
            for table in ("counting_tracking", "counting_without_waiting_tracking")
        ]
    assert kept == [("on", True), ("off", True)]
    assert "PGOPTIONS" not in os.environ


def test_rounds_measure_everything_that_has_a_goal() -> None:
    of_rounds = [Section.INGEST, Section.PROJECT, Section.REBUILD]
    for database in Database:
        goals_of_rounds = {key for key in goals_on(database) if key[0] in THINGS}
        assert goals_of_rounds
        assert goals_of_rounds <= set(pairs_of(database, of_rounds))


def test_a_goal_is_judged_between_sides_of_the_same_policy() -> None:
    for database in Database:
        for what, by in goals_on(database):
            if what in THINGS:
                assert waits_for_disk(what, database) == waits_for_disk(by, database)


@pytest.mark.slow
@pytest.mark.kafka
def test_a_short_run_with_a_broker_tells_consuming_and_freshness_stage_by_stage(
    workplace: Path, kafka: str, judged_by: set[tuple[str, str]]
) -> None:
    bench = bench_on(Database.SQLITE, sqlite_stores(workplace), workplace, Broker(kafka))
    bench.measured_by = measure

    found = run(bench, IN_PROCESSES)

    expect_whole(found, Database.SQLITE, workplace)
    assert ("consume a backlog", "bare poll") in measured(found)
    assert [row["what"] for row in found.latencies] == [
        "sent until visible",
        "… sent until in the broker's log",
        "… in the log until in a batch",
        "… in a batch until visible",
    ]
    assert found.takeover_seconds is not None
    assert judged_by == GOALS_WITH_A_BROKER


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc")
def test_the_processor_time_of_a_server_includes_its_children_that_ended() -> None:
    child = "awk 'BEGIN { while (i++ < 3000000); }'"
    with subprocess.Popen(
        ["sh", "-c", f"{child}; echo ended; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        before = seconds_of([os.getpid()])
        assert parent.stdout.readline() == "ended\n"
        used, together = seconds_of([parent.pid]), seconds_of([os.getpid()])
        parent.communicate("\n")

    assert before is not None and used is not None and together is not None
    assert used >= 0.03
    assert together - before >= used - 0.005


def test_the_processor_time_of_no_server_is_unknown() -> None:
    assert seconds_of([]) is None


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc")
def test_a_processor_time_that_never_reads_steady_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "READINGS", 0)

    assert seconds_of([os.getpid()]) is None


def test_an_unknown_processor_time_of_one_party_is_a_dash(workplace: Path) -> None:
    found = Found(
        freshness={"messages_a_second": 1_000, "processor_us_a_message": {"broker": None, "consume": 1_234.5}}
    )
    console = Console(width=400, record=True, file=(workplace / "said").open("w"))

    print_found(console, Database.SQLITE, found, "a disk")

    assert "broker –, consume 1,234.5 µs" in console.export_text()


def test_a_goal_says_in_plain_words_by_how_much_it_was_missed() -> None:
    assert Goal(30).told(30.0) == "reached"
    assert Goal(30).told(24.0) == "missed by 20 %"
    assert Goal(250, "ms", at_most=True).told(366.0) == "missed by 46 %"
    assert Goal(1 / 3).told(0.3333) == "missed by 0.01 %"
    assert str(Goal(1 / 3)) == "≥ 0.33 ×"


def parsing(seconds: float) -> Iterator[int]:
    """Read a message again and again for so many seconds of processor time."""
    line, rules, now = next(iter(simulate(1, 1, DEFAULT_UNTIL))), ReadingRules(max_bytes=10_000), DEFAULT_UNTIL
    yield 0
    done, until = 0, process_time() + seconds
    while process_time() < until:
        read_message(line, now, rules)
        done += 1
    yield done


def test_a_profile_shares_the_processor_time_of_a_unit_among_parts() -> None:
    parts = profile_here(parsing, 0.2)

    assert "reading" in {part.part for part in parts}
    assert all(part.us > 0 for part in parts)
