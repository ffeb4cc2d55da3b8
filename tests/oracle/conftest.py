"""The histories that the oracles judge: each one is taken in once on each database, by the real command, for all test
processes.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.integration.command import ROOT, Command, Nursery
from tests.oracle.floor import TakenIn, dated
from tests.stores.conftest import postgres_server, postgres_store, sqlite_store

__all__ = ["postgres_server", "postgres_store", "sqlite_store"]  # fixtures of that folder which are used here

DATA = Path(os.environ.get("WAYBILL_DATA", ROOT.parent / "shared" / "data"))
UNTIL = "2025-06-30T16:00:00Z"
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True)
class Library:
    """Makes each store once: with pytest-xdist the first process that needs it makes it for all."""

    folder: Path
    nursery: Nursery
    server: str | None
    """Where databases can be made; None for stores that are files."""

    def taken_in(self, name: str, file: Callable[[Command], Path], *options: str) -> TakenIn:
        folder = self.folder / name
        with self.locked(name):
            folder.mkdir(exist_ok=True)
            said, path, store = folder / "said.json", folder / "path", folder / "store"
            if not said.exists():
                store.write_text(self._new_store(folder))
            waybill = Command(self.nursery, folder, WAYBILL_LOG_LEVEL="error", WAYBILL_STORE=store.read_text())
            if not said.exists():
                path.write_text(str(file(waybill)))
                ran = waybill("ingest", path.read_text(), *options, "--format", "json").done()
                said.write_bytes(ran.out)
        return TakenIn(Path(path.read_text()), waybill, json.loads(said.read_bytes()))

    def _new_store(self, folder: Path) -> str:
        if self.server is None:
            return f"sqlite:///{folder}/waybill.db"
        name = f"waybill_oracle_{uuid4().hex}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.server.rsplit("/", 1)[0] + f"/{name}"

    def discard(self) -> None:
        """Remove every store with all that is known of it."""
        if self.server is not None:
            with psycopg.connect(self.server, autocommit=True) as connection:
                for store in self.folder.glob("*/store"):
                    connection.execute(f"DROP DATABASE IF EXISTS {store.read_text().rsplit('/', 1)[1]} WITH (FORCE)")
        for folder in self.folder.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def in_use(self) -> Iterator["Library"]:
        """Whoever is the last to leave discards what is there."""
        self._count(1)
        try:
            yield self
        finally:
            self._count(-1)

    def _count(self, by: int) -> None:
        with self.locked("users"):
            users = self.folder / "users"
            left = int(users.read_text() if users.exists() else 0) + by
            users.write_text(str(left))
            if not left:
                self.discard()


@pytest.fixture(scope="session", params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgres)])
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Library]:
    with _library(request, tmp_path_factory, nursery) as library:
        yield library


@pytest.fixture(
    scope="session", params=[SQLITE, pytest.param(POSTGRESQL, marks=[pytest.mark.postgres, pytest.mark.slow])]
)
def library_of_floors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Library]:
    with _library(request, tmp_path_factory, nursery) as library:
        yield library


@contextmanager
def _library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Library]:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"{request.fixturename}-{request.param}"
    folder.mkdir(exist_ok=True)
    server = request.getfixturevalue("postgres_server") if request.param == POSTGRESQL else None
    with Library(folder, nursery, server).in_use() as library:
        yield library


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
def floor(library_of_floors: Library) -> TakenIn:
    """A simulated sales floor on which everybody tells the truth, if late."""
    return library_of_floors.taken_in("floor", simulated)


@pytest.fixture(scope="session")
def wrong_floor(library_of_floors: Library) -> TakenIn:
    """One on which every seventh line is doubled, contradictory, voided or broken."""
    return library_of_floors.taken_in("wrong-floor", lambda waybill: simulated(waybill, "--wrong", "0.15"))


@pytest.fixture(scope="session")
def dated_floor(library_of_floors: Library) -> TakenIn:
    """The same with a recorded time on each message, imported as history: it has a second clock."""
    return library_of_floors.taken_in(
        "dated-floor", lambda waybill: dated(simulated(waybill, "--wrong", "0.15")), "--history"
    )


def simulated(waybill: Command, *options: str) -> Path:
    file = waybill.folder / "floor.jsonl"
    waybill("simulate", "--orders", "400", "--seed", "7", "--until", UNTIL, *options, "--out", file).done()
    return file
