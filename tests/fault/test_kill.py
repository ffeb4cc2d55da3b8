"""given `waybill ingest` killed with -9 at some instant, when the same command is run again until it ends.

Then the store is as if nothing had happened: every verdict, the books, every view. The instants are drawn anew each
time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import sqlite3
import time
from contextlib import closing
from random import Random
from typing import Any

import psycopg
import pytest

from tests.fault.aftermath import assert_same_end
from tests.fault.conftest import Undisturbed
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.command import KILLED, Command, Ran
from tests.stores.conftest import StoreUrl

# The instants are spread over the run by its progress, for how long it takes depends on what else this machine does.
START, READING, PROJECTING, END = "start", "reading", "projecting", "end"
KILLS = [(START, n) for n in range(3)] + [(READING, n) for n in range(12)] + [(PROJECTING, n) for n in range(7)]
KILLS += [(END, n) for n in range(3)]
OF_EACH = 1
"""How many kills of each phase are in the short run, beside those of one that is killed several times; all are in
`make test-faults`."""
REPEATED = 4
A_BATCH = 0.04
"""Seconds that a batch takes, more or less: what the instant of a kill is moved by."""

pytestmark = pytest.mark.fault


def store_of(waybill: Command) -> str:
    return waybill.setting("WAYBILL_STORE", f"sqlite:///{waybill.store}")


def progress(store: str) -> tuple[int, int]:
    """How many lines were taken in, and up to which position all views have come."""
    path = store.removeprefix("sqlite:///")
    try:
        with closing(
            psycopg.connect(store) if path == store else sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        ) as connection:
            (stands,) = connection.execute(
                "SELECT (SELECT coalesce(max(next_offset), 0) FROM feeds), "
                "(SELECT coalesce(min(position), 0) FROM projection_positions)"
            ).fetchall()
            return int(stands[0]), int(stands[1])
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return 0, 0  # there is no store yet, or it has no tables


def kill_in(phase: str, waybill: Command, undisturbed: Undisturbed, draw: Random) -> Ran:
    """Run it, and kill it at some instant of that phase."""
    all_lines, all_positions = progress(f"sqlite:///{undisturbed.store}")
    lines, position = {
        START: (0, 0),
        READING: (draw.randrange(1, all_lines), 0),
        PROJECTING: (all_lines, draw.randrange(1, all_positions)),
        END: (all_lines, all_positions),
    }[phase]
    delay = draw.uniform(0, A_BATCH if phase != END else A_BATCH / 4)
    print(f"killed {delay:.4f} s after {lines} lines and position {position}")
    running = waybill.start("ingest", undisturbed.file, "--format", "json")
    store = store_of(waybill)
    while progress(store) < (lines, position) and running.is_alive():
        time.sleep(0.002)
    time.sleep(delay)
    running.kill()
    return running.wait()


def ended(ran: Ran) -> bool:
    """It answered: whoever is killed after that had nothing left to do but to leave."""
    assert ran.code in (0, KILLED), ran.err
    return ran.out.endswith(b"}\n")


def until_it_ends(waybill: Command, undisturbed: Undisturbed) -> None:
    ran = waybill("ingest", undisturbed.file, "--format", "json").done()
    assert ran.json == undisturbed.ran.json
    then_nothing_was_lost_or_doubled(waybill, undisturbed)


def then_nothing_was_lost_or_doubled(waybill: Command, undisturbed: Undisturbed) -> None:
    assert_same_end(waybill.store, undisturbed.store)
    waybill("verify").done()


@pytest.mark.parametrize(
    ("phase", "number"),
    [kill if kill[1] < OF_EACH else pytest.param(*kill, marks=pytest.mark.slow) for kill in KILLS],
)
def test_one_kill(batchwise: Command, undisturbed: Undisturbed, draw: Random, phase: str, number: int) -> None:
    while ended(kill_in(phase, batchwise, undisturbed, draw)):
        # It was done before it could be killed.
        for left in batchwise.folder.glob("waybill.db*"):
            left.unlink()

    until_it_ends(batchwise, undisturbed)


@pytest.mark.parametrize("run", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, REPEATED))])
def test_several_kills_in_one_run(batchwise: Command, undisturbed: Undisturbed, draw: Random, run: int) -> None:
    for phase in (START, READING, READING, PROJECTING, PROJECTING):
        if ended(kill_in(phase, batchwise, undisturbed, draw)):
            break
    else:
        until_it_ends(batchwise, undisturbed)

    then_nothing_was_lost_or_doubled(batchwise, undisturbed)


def test_a_kill_of_the_installed_command_while_it_starts(batchwise: Command, undisturbed: Undisturbed) -> None:
    ran = batchwise.executable_killed("ingest", undisturbed.file, after=0.2)
    assert ran.code == KILLED

    until_it_ends(batchwise, undisturbed)


def test_a_kill_of_one_of_two_that_read_the_same_file(
    batchwise: Command, undisturbed: Undisturbed, draw: Random
) -> None:
    """The one that is left goes on; the one that was killed is run again and finds everything taken."""
    batchwise("project", "--once").done()
    living = batchwise.start("ingest", undisturbed.file, "--format", "json")
    killed = kill_in(READING, batchwise, undisturbed, draw)
    lived = living.wait().done()
    again = batchwise("ingest", undisturbed.file, "--format", "json").done()

    peaceful = undisturbed.ran.json
    assert killed.code == KILLED or ended(killed)
    assert lived.json["received"] == again.json["received"] == peaceful["received"]
    books = batchwise.ask("status")["books"]
    assert books["applied"] == peaceful["applied"]
    assert books["held"] == peaceful["held"]
    assert books["dead"] == peaceful["refused"] + peaceful["malformed"]
    batchwise("verify").done()


@pytest.mark.parametrize("phase", [READING, PROJECTING])
def test_a_query_after_a_kill_gets_the_answers_of_some_earlier_position(
    batchwise: Command, undisturbed: Undisturbed, draw: Random, phase: str
) -> None:
    kill_in(phase, batchwise, undisturbed, draw)

    told = batchwise.ask("status")
    books = told["books"]
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]
    assert all(0 <= projection["position"] <= told["head"] for projection in told["projections"])
    for view in ("overdue", "at-risk", "workload", "late", "follow-ups"):
        batchwise(view, "--as-of", "2025-06-30T16:00:00Z").done()


# -- on PostgreSQL -------------------------------------------------------------------------------

SHARE = [(READING, 0), (PROJECTING, 0)]
REST = [pytest.param(*kill, marks=pytest.mark.slow) for kill in KILLS if kill not in SHARE]


@pytest.fixture(scope="module")
def in_peace(undisturbed: Undisturbed) -> dict[str, Any]:
    return answers_of(f"sqlite:///{undisturbed.store}")


@pytest.mark.postgres
@pytest.mark.parametrize(("phase", "number"), [*SHARE, *REST])
def test_one_kill_on_postgresql(
    batchwise: Command,
    undisturbed: Undisturbed,
    in_peace: dict[str, Any],
    draw: Random,
    postgres_store: StoreUrl,
    phase: str,
    number: int,
) -> None:
    while True:
        url = postgres_store()
        waybill = batchwise.with_(WAYBILL_STORE=url)
        if not ended(kill_in(phase, waybill, undisturbed, draw)):
            break

    ran = waybill("ingest", undisturbed.file, "--format", "json").done()
    assert ran.json == undisturbed.ran.json
    assert_same_answers(url, in_peace)
