"""given `waybill migrate` killed with -9 at some instant, when it is run again until it ends.

Then the store is as if nothing had happened: every verdict, the books, every view. The instants are drawn anew each
time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from infra.store.newest_version import NEWEST
from projections.catalogue import PROJECTIONS
from tests.fault.aftermath import assert_same_end
from tests.integration.command import KILLED, Command, Nursery
from tests.stores.earlier_stores import JUDGED_OTHERWISE

SMALL_BATCHES = {"WAYBILL_BATCH_MESSAGES": "10", "WAYBILL_BATCH_EVENTS": "5", "WAYBILL_LOG_LEVEL": "error"}
"""A subject a batch."""
START, SUBJECTS, MALFORMED, VIEWS = "start", "subjects", "malformed", "views"
KILLS = [(START, 0), (SUBJECTS, 0), (SUBJECTS, 1), (SUBJECTS, 2), (MALFORMED, 0), (MALFORMED, 1)]
KILLS += [(VIEWS, 0), (VIEWS, 1), (VIEWS, 2), (START, 1)]
SHARE = [(SUBJECTS, 0), (MALFORMED, 0)]
A_BATCH = 0.02
"""Seconds that a batch takes, more or less: what the instant of a kill is moved by."""

pytestmark = pytest.mark.fault

Progress = tuple[int, int, int]
"""How many subjects were settled again, how many malformed messages were taken, and how many subjects have rows
in the new views."""


def progress(store: Path) -> Progress:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        (version,) = connection.execute("SELECT version_num FROM store_version").fetchone()
        if version != NEWEST:
            return 0, 0, 0
        # One statement, so that all is of one moment.
        asked = (
            "SELECT (SELECT count(DISTINCT originator_id) FROM stored_events, store_rules "
            "        WHERE resettled_to IS NULL OR originator_id <= resettled_to), "
            "(SELECT count(*) FROM malformed_messages), "
            "(SELECT resettled_to IS NULL FROM store_rules), "
            "(SELECT count(DISTINCT originator_id) FROM stored_events "
            " WHERE originator_id <= (SELECT max(stream) FROM projection_builds WHERE NOT served)), "
            "(SELECT count(*) FROM projection_positions WHERE (name, version) IN (VALUES "
            + ", ".join(f"('{projection.name}', {projection.version})" for projection in PROJECTIONS)
            + "))"
        )
        subjects, malformed, done, filled, serving = connection.execute(asked).fetchone()
        in_views = subjects if serving == len(PROJECTIONS) else filled
        return subjects, MALFORMED_BEFORE - malformed, in_views if done else 0


def _malformed_before() -> int:
    with closing(sqlite3.connect(f"file:{JUDGED_OTHERWISE.file}?mode=ro&immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM letters").fetchone()[0])


MALFORMED_BEFORE = _malformed_before()


def earlier(command: Command) -> Command:
    """The command with a copy of the earlier store."""
    shutil.copy(JUDGED_OTHERWISE.file, command.store)
    return command


@pytest.fixture(scope="module")
def in_peace(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The earlier store, migrated without disturbance."""
    waybill = earlier(Command(nursery, tmp_path_factory.mktemp("in_peace"), **SMALL_BATCHES))
    waybill("migrate").done()
    waybill("verify").done()
    return waybill


def killed_in(phase: str, waybill: Command, in_peace: Command, draw: Random) -> bool:
    """Run it, and kill it at some instant of that phase; whether that was before it ended."""
    subjects, taken, position = progress(in_peace.store)
    until: Progress = {
        START: (0, 0, 0),
        SUBJECTS: (draw.randrange(1, subjects), 0, 0),
        MALFORMED: (0, draw.randrange(1, taken), 0),
        VIEWS: (0, 0, draw.randrange(1, position)),
    }[phase]
    delay = draw.uniform(0, 0.2 if phase == START else A_BATCH)
    print(f"killed {delay:.4f} s after {until}")
    running = waybill.start("migrate")
    while running.is_alive() and any(now < then for now, then in zip(progress(waybill.store), until, strict=True)):
        time.sleep(0.001)
    time.sleep(delay)
    running.kill()
    ran = running.wait()
    assert ran.code in (0, KILLED), ran.err
    return ran.code == KILLED


@pytest.mark.parametrize(
    ("phase", "number"),
    [pytest.param(*kill, marks=() if kill in SHARE else pytest.mark.slow) for kill in KILLS],
)
def test_one_kill(nursery: Nursery, tmp_path: Path, in_peace: Command, draw: Random, phase: str, number: int) -> None:
    waybill = earlier(Command(nursery, tmp_path, **SMALL_BATCHES))
    while not killed_in(phase, waybill, in_peace, draw):
        # It was done before it could be killed.
        for left in waybill.folder.glob("waybill.db*"):
            left.unlink()
        earlier(waybill)

    waybill("migrate").done()

    assert_same_end(waybill.store, in_peace.store)
    waybill("verify").done()


@pytest.mark.slow
def test_a_kill_in_each_phase_of_one_migration(
    nursery: Nursery, tmp_path: Path, in_peace: Command, draw: Random
) -> None:
    waybill = earlier(Command(nursery, tmp_path, **SMALL_BATCHES))
    for phase in (START, SUBJECTS, SUBJECTS, MALFORMED, MALFORMED, VIEWS, VIEWS):
        killed_in(phase, waybill, in_peace, draw)

    waybill("migrate").done()

    assert_same_end(waybill.store, in_peace.store)
    waybill("verify").done()
