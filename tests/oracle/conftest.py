"""The histories that the oracles judge: each one is taken in once, by the real command, for all test processes."""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.command import ROOT, Command, Nursery
from tests.oracle.floor import TakenIn, dated
from tests.stores.conftest import postgres_server, postgres_store, sqlite_store

__all__ = ["postgres_server", "postgres_store", "sqlite_store"]  # fixtures of that folder which are used here

DATA = Path(os.environ.get("WAYBILL_DATA", ROOT.parent / "shared" / "data"))
UNTIL = "2025-06-30T16:00:00Z"


@dataclass(frozen=True)
class Library:
    """Makes each store once: with pytest-xdist the first process that needs it makes it for all."""

    folder: Path
    nursery: Nursery

    def taken_in(self, name: str, file: Callable[[Command], Path], *options: str) -> TakenIn:
        folder = self.folder / name
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)
            waybill = Command(self.nursery, folder, WAYBILL_LOG_LEVEL="error")
            said, path = folder / "said.json", folder / "path"
            if not said.exists():
                path.write_text(str(file(waybill)))
                ran = waybill("ingest", path.read_text(), *options, "--format", "json").done()
                said.write_bytes(ran.out)
        return TakenIn(Path(path.read_text()), waybill, json.loads(said.read_bytes()))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Library:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "histories"
    folder.mkdir(exist_ok=True)
    return Library(folder, nursery)


def _real(name: str) -> Path:
    file = DATA / f"{name}.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"there is no {name}.jsonl.gz in {DATA}; WAYBILL_DATA may name the folder")
    return file


@pytest.fixture(scope="session")
def northwind(library: Library) -> TakenIn:
    file = _real("northwind")
    return library.taken_in("northwind", lambda _: file)


@pytest.fixture(scope="session")
def scms(library: Library) -> TakenIn:
    file = _real("scms")
    return library.taken_in("scms", lambda _: file, "--history")


@pytest.fixture(scope="session")
def floor(library: Library) -> TakenIn:
    """A simulated sales floor on which everybody tells the truth, if late."""
    return library.taken_in("floor", simulated)


@pytest.fixture(scope="session")
def wrong_floor(library: Library) -> TakenIn:
    """One on which every seventh line is doubled, contradictory, voided or broken."""
    return library.taken_in("wrong-floor", lambda waybill: simulated(waybill, "--wrong", "0.15"))


@pytest.fixture(scope="session")
def dated_floor(library: Library) -> TakenIn:
    """The same with a recorded time on each message, imported as history: it has a second clock."""
    return library.taken_in("dated-floor", lambda waybill: dated(simulated(waybill, "--wrong", "0.15")), "--history")


def simulated(waybill: Command, *options: str) -> Path:
    file = waybill.folder / "floor.jsonl"
    waybill("simulate", "--orders", "400", "--seed", "7", "--until", UNTIL, *options, "--out", file).done()
    return file
