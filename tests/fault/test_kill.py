"""given `waybill ingest` killed with -9 at some instant, when the same command is run again until it ends, then the
store is as if nothing had happened: every verdict, the books, every view.

The instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import os
import shutil
import time
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.fault.aftermath import assert_same_end
from tests.fault.conftest import Undisturbed
from tests.integration.command import KILLED, Command, Ran

KILLS = 25
REPEATED = 4

pytestmark = pytest.mark.fault


@pytest.fixture
def draw() -> Random:
    seed = os.environ.get("WAYBILL_FAULT_SEED") or str(SystemRandom().randrange(2**32))
    print(f"WAYBILL_FAULT_SEED={seed}")
    return Random(seed)


def ingest_and_kill(waybill: Command, file: Path, seconds: float) -> Ran:
    running = waybill.start("ingest", file, "--format", "json")
    time.sleep(seconds)
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


@pytest.mark.parametrize("kill", range(KILLS))
def test_one_kill(batchwise: Command, undisturbed: Undisturbed, draw: Random, kill: int) -> None:
    """The kills are spread over the whole run: the first near its start, the last near its end."""
    slower = 1.0
    for attempt in range(20):
        instant = undisturbed.seconds * (kill + Random(f"{draw.random()} {kill}").random()) / KILLS * slower
        print(f"attempt {attempt}: killed {instant:.3f} s after the start")
        if not ended(ingest_and_kill(batchwise, undisturbed.file, instant)):
            break
        # It was faster than the undisturbed run: that kill came too late to be one.
        slower *= 0.85
        for left in batchwise.folder.glob("waybill.db*"):
            left.unlink()
    else:
        pytest.fail("the run always ended before it could be killed")

    until_it_ends(batchwise, undisturbed)


@pytest.mark.parametrize("run", range(REPEATED))
def test_several_kills_in_one_run(batchwise: Command, undisturbed: Undisturbed, draw: Random, run: int) -> None:
    instants = Random(f"{draw.random()} {run}")
    kills = 0
    for _ in range(6):
        if ended(ingest_and_kill(batchwise, undisturbed.file, undisturbed.seconds * instants.uniform(0.05, 0.4))):
            break
        kills += 1
    else:
        until_it_ends(batchwise, undisturbed)

    assert kills >= 2
    then_nothing_was_lost_or_doubled(batchwise, undisturbed)


def test_a_kill_of_the_installed_command_while_it_starts(batchwise: Command, undisturbed: Undisturbed) -> None:
    ran = batchwise.executable_killed("ingest", undisturbed.file, after=0.2)
    assert ran.code == KILLED

    until_it_ends(batchwise, undisturbed)


def test_a_kill_of_one_of_two_that_read_the_same_file(
    batchwise: Command, undisturbed: Undisturbed, draw: Random
) -> None:
    """The one that is left goes on; the one that was killed is run again and finds everything taken."""
    batchwise("status").done()
    dying = batchwise.start("ingest", undisturbed.file, "--format", "json")
    living = batchwise.start("ingest", undisturbed.file, "--format", "json")
    time.sleep(undisturbed.seconds * draw.uniform(0.2, 0.8))
    dying.kill()
    killed, lived = dying.wait(), living.wait().done()
    assert killed.code == KILLED or ended(killed)
    again = batchwise("ingest", undisturbed.file, "--format", "json").done()

    total = lived.json["received"] + again.json["received"]
    books = batchwise.ask("status")["books"]
    peaceful = undisturbed.ran.json
    assert lived.json["received"] == again.json["received"] == peaceful["received"]
    assert total <= books["received"]
    assert books["applied"] == peaceful["applied"]
    assert books["held"] == peaceful["held"]
    assert books["dead"] == peaceful["refused"] + peaceful["malformed"]
    batchwise("verify").done()


def test_a_kill_leaves_no_half_written_view(batchwise: Command, undisturbed: Undisturbed, draw: Random) -> None:
    """Whoever asks after a kill, and before the next run, gets the answers of some earlier position."""
    ingest_and_kill(batchwise, undisturbed.file, undisturbed.seconds * draw.uniform(0.3, 0.95))

    told = batchwise.ask("status")
    books = told["books"]
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]
    assert all(0 <= projection["position"] <= told["head"] for projection in told["projections"])
    copy = batchwise.folder / "copy.db"
    shutil.copy(batchwise.store, copy)
    for view in ("overdue", "at-risk", "workload", "late", "follow-ups"):
        batchwise(view, "--as-of", "2025-06-30T16:00:00Z").done()
