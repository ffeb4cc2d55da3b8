"""given `waybill restore` killed with -9 at some instant, when the same command is run again until it ends.

Then the store is the one that was archived, and before that nobody could use it. The instants are drawn anew each time;
WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.fault.aftermath import assert_same_end
from tests.fault.conftest import SMALL_BATCHES, Undisturbed
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.command import KILLED, Command, Nursery
from tests.stores.conftest import StoreUrl

START, EVENTS, ROWS, VIEWS = "start", "events", "rows", "views"
KILLS = [(START, n) for n in range(3)] + [(EVENTS, n) for n in range(8)] + [(ROWS, n) for n in range(9)]
KILLS += [(VIEWS, n) for n in range(5)]
SHARE = [(EVENTS, 0), (ROWS, 0)]
FEW_ROWS = {**SMALL_BATCHES, "WAYBILL_BATCH_EVENTS": "25"}
"""How many rows a transaction has: so few that there is much in between."""
A_BATCH = 0.02
"""Seconds that a batch takes, more or less: what the instant of a kill is moved by."""

pytestmark = pytest.mark.fault

Progress = tuple[int, int, int]
"""Up to which position events are restored, how many other rows are, and up to which position all views have come."""


@pytest.fixture(scope="module")
def archive(undisturbed: Undisturbed, nursery: Nursery) -> Path:
    """An archive of the undisturbed store."""
    waybill = Command(nursery, undisturbed.store.parent, **SMALL_BATCHES)
    waybill("archive", "--to", "archive", "--buckets", "2").done()
    return undisturbed.store.parent / "archive"


def progress(store: str) -> Progress:
    path = store.removeprefix("sqlite:///")
    asked = (
        "SELECT (SELECT coalesce(max(position), 0) FROM restoration), (SELECT coalesce(sum(rows), 0) FROM "
        "restored_files), (SELECT coalesce(min(position), 0) FROM projection_positions)"
    )
    try:
        with closing(
            psycopg.connect(store) if path == store else sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        ) as connection:
            (found,) = connection.execute(asked).fetchall()
            return int(found[0]), int(found[1]), int(found[2])
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return 0, 0, 0  # there is no store yet, or it is done


def killed_in(phase: str, waybill: Command, archive: Path, undisturbed: Undisturbed, draw: Random) -> bool:
    """Run it, and kill it at some instant of that phase; whether that was before it ended."""
    with closing(sqlite3.connect(undisturbed.store)) as connection:
        events, rows = connection.execute(
            "SELECT (SELECT max(rowid) FROM stored_events), (SELECT count(*) FROM messages)"
        ).fetchone()
    until: Progress = {
        START: (0, 0, 0),
        EVENTS: (draw.randrange(1, events), 0, 0),
        ROWS: (events, draw.randrange(1, rows), 0),
        VIEWS: (events, rows, draw.randrange(1, events)),
    }[phase]
    delay = draw.uniform(0, 0.5 if phase == START else A_BATCH)
    print(f"killed {delay:.4f} s after {until}")
    running = waybill.start("restore", "--from", archive)
    store = waybill.setting("WAYBILL_STORE", f"sqlite:///{waybill.store}")
    while running.is_alive() and any(now < then for now, then in zip(progress(store), until, strict=True)):
        time.sleep(0.002)
    time.sleep(delay)
    running.kill()
    ran = running.wait()
    assert ran.code in (0, KILLED), ran.err
    # Whoever is killed after the answer had nothing left to do but to leave.
    return not ran.out


@pytest.mark.parametrize(
    ("phase", "number"), [pytest.param(*kill, marks=() if kill in SHARE else pytest.mark.slow) for kill in KILLS]
)
def test_one_kill(
    nursery: Nursery, tmp_path: Path, archive: Path, undisturbed: Undisturbed, draw: Random, phase: str, number: int
) -> None:
    waybill = Command(nursery, tmp_path, **FEW_ROWS)
    while not killed_in(phase, waybill, archive, undisturbed, draw):
        # It was done before it could be killed.
        for left in waybill.folder.glob("waybill.db*"):
            left.unlink()
    if phase in (EVENTS, ROWS):
        waybill("status").exited(1, "run the same waybill restore again")

    waybill("restore", "--from", archive).done()

    assert_same_end(waybill.store, undisturbed.store)


@pytest.mark.slow
def test_a_kill_in_each_phase_of_one_restore(
    nursery: Nursery, tmp_path: Path, archive: Path, undisturbed: Undisturbed, draw: Random
) -> None:
    waybill = Command(nursery, tmp_path, **FEW_ROWS)
    for phase in (START, EVENTS, EVENTS, ROWS, ROWS, VIEWS):
        killed_in(phase, waybill, archive, undisturbed, draw)

    waybill("restore", "--from", archive).done()

    assert_same_end(waybill.store, undisturbed.store)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("phase", [EVENTS, ROWS, VIEWS])
def test_one_kill_on_postgresql(
    nursery: Nursery,
    tmp_path: Path,
    archive: Path,
    undisturbed: Undisturbed,
    draw: Random,
    postgres_store: StoreUrl,
    phase: str,
) -> None:
    while True:
        url = postgres_store()
        waybill = Command(nursery, tmp_path, **FEW_ROWS, WAYBILL_STORE=url)
        if killed_in(phase, waybill, archive, undisturbed, draw):
            break

    waybill("restore", "--from", archive).done()

    assert_same_answers(url, answers_of(f"sqlite:///{undisturbed.store}"))
