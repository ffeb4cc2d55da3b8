"""The run that nothing disturbed, to which the disturbed ones are held."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.fault.postgres_server import Server, crashing_server
from tests.integration.command import Command, Nursery, Ran
from tests.stores.conftest import postgres_server, postgres_store, sqlite_store

__all__ = ["postgres_server", "postgres_store", "sqlite_store"]  # fixtures of that folder which are used here

SMALL_BATCHES = {"WAYBILL_BATCH_MESSAGES": "20", "WAYBILL_BATCH_EVENTS": "100", "WAYBILL_LOG_LEVEL": "error"}


@dataclass(frozen=True)
class Undisturbed:
    """A run in peace: its file, its store and its answer."""

    file: Path
    store: Path
    ran: Ran


@pytest.fixture(scope="session")
def undisturbed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    waybill = Command(nursery, tmp_path_factory.mktemp("undisturbed"), **SMALL_BATCHES)
    file = waybill.folder / "floor.jsonl"
    arguments = ("--orders", "60", "--seed", "3", "--wrong", "0.1", "--until", "2025-06-30T16:00:00Z")
    waybill("simulate", *arguments, "--out", file).done()
    ran = waybill("ingest", file, "--format", "json").done()
    return Undisturbed(file, waybill.store, ran)


@pytest.fixture
def batchwise(nursery: Nursery, tmp_path: Path) -> Command:
    """The command with an empty store, and batches small enough that there is much in between."""
    return Command(nursery, tmp_path, **SMALL_BATCHES)


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Random:
    """Where the instants come from; WAYBILL_FAULT_SEED=… repeats those that a failure printed."""
    seed = os.environ.get("WAYBILL_FAULT_SEED") or str(SystemRandom().randrange(2**32))
    print(f"WAYBILL_FAULT_SEED={seed}")
    return Random(f"{seed} {request.node.name}")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with crashing_server() as server:
        yield server
