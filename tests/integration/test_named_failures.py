"""A damaged store, a lack of memory and a full disk: one clear line, whichever command meets them."""

import os
import random
import resource
import sqlite3
import subprocess
from bisect import bisect_left
from contextlib import closing
from pathlib import Path

import pytest

from infra.simulation import DEFAULT_UNTIL, simulate
from tests.integration.command import EXECUTABLE, Command, Ran

MEGABYTE = 1024 * 1024
MEGABYTES_TRIED = range(60, 316, 4)
PAGE = 4096


@pytest.fixture(scope="module")
def floor() -> list[bytes]:
    return list(simulate(60, 3, DEFAULT_UNTIL))


def test_a_damaged_page_is_called_that(waybill: Command, floor: list[bytes]) -> None:
    waybill.ingest(*floor)
    with closing(sqlite3.connect(waybill.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(truncate)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'stored_events'").fetchone()[0]
    with waybill.store.open("rb+") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * PAGE)

    for command in (("verify",), ("events",), ("ingest", waybill.file("more.jsonl", *floor[:5]))):
        waybill(*command).exited(1, "waybill: the store failed: the store is damaged", "restore a backup")


def test_no_command_on_a_damaged_store_ends_in_a_traceback(waybill: Command, floor: list[bytes]) -> None:
    waybill.ingest(*floor)
    with closing(sqlite3.connect(waybill.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(truncate)")
    whole, chance = waybill.store.read_bytes(), random.Random(7)
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(30):
            at = chance.randrange(PAGE, len(whole) - 40)
            damaged[at : at + 40] = chance.randbytes(40)
        waybill.store.write_bytes(damaged)
        for command in ("verify", "status", "overdue", "dead-letters"):
            ran = waybill(command)
            assert ran.code in (0, 1)
            assert "Traceback" not in ran.err, ran.err


def with_memory(waybill: Command, megabytes: int, *arguments: str) -> Ran:
    size = megabytes * MEGABYTE
    ran = subprocess.run(
        [EXECUTABLE, *arguments],
        cwd=waybill.folder,
        env={**os.environ, "WAYBILL_STORE": f"sqlite:///{waybill.store}", "WAYBILL_LOG_LEVEL": "error"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
        capture_output=True,
        check=False,
    )
    return Ran(arguments, ran.returncode, ran.stdout, ran.stderr.decode("utf-8", errors="replace"))


def test_a_lack_of_memory_is_called_that(waybill: Command) -> None:
    # given a file whose batch wants more memory than there is beside what the command itself needs
    file = waybill.file("messages.jsonl", *simulate(400, 3, DEFAULT_UNTIL))
    waybill.ingest(*simulate(1, 4, DEFAULT_UNTIL), name="first.jsonl")
    tried = bisect_left(MEGABYTES_TRIED, True, key=lambda n: with_memory(waybill, n, "status").code == 0)
    needed = MEGABYTES_TRIED[tried]

    # when it is ingested, then the command says so, and keeps nothing half done; both need a little more or less each
    # time, so several amounts are tried
    for more in (2, 6, 10, 14, 0):
        ran = with_memory(waybill, needed + more, "ingest", str(file))
        if "waybill: out of memory" in ran.err:
            break
    ran.exited(1, "waybill: out of memory")
    # Once; the interpreter itself may have begun the line with what it could not do.
    assert ran.err.count("waybill: ") == 1, ran.err

    # and with more memory the same command ends as ever
    waybill("ingest", file).done()
    waybill("verify").done()


def test_a_full_disk_is_called_that_where_a_view_is_written(waybill: Command, floor: list[bytes]) -> None:
    waybill.ingest(*floor)
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [EXECUTABLE, "workload"],
            cwd=waybill.folder,
            env={**os.environ, "WAYBILL_STORE": f"sqlite:///{waybill.store}"},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ran.returncode == 1
    assert "waybill: the disk is full" in ran.stderr.decode()
    assert "Traceback" not in ran.stderr.decode()
