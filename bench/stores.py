"""Empty stores to measure on: SQLite files in a folder, databases on a PostgreSQL server."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import psycopg

SCRIPT = Path(__file__).parents[1] / "infra/local/postgres.sh"
NewStore = Callable[[str], str]
"""Gives the URL of a store of this name that does not exist yet."""


class Database(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


def stores_of(database: Database, folder: Path) -> AbstractContextManager[NewStore]:
    """Stores of one kind: files in a folder, or databases on a server that is started for them."""
    return postgres_stores() if database is Database.POSTGRESQL else nullcontext(sqlite_stores(folder))


def drop(store: str) -> None:
    """Remove a store that is not needed any more: a measurement should not wait for the upkeep of earlier ones."""
    if not store.startswith("postgresql://"):
        for path in Path(store.removeprefix("sqlite:///")).parent.glob(Path(store).name + "*"):
            path.unlink()
        return
    server, _, database = store.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def sqlite_stores(folder: Path) -> NewStore:
    return lambda name: f"sqlite:///{folder / name}.db"


@contextmanager
def postgres_stores(also_at: str | None = None) -> Iterator[NewStore]:
    """Databases on a server of our own, on loopback and at one more address, which is gone at the end.

    Raises RuntimeError when none can be started.
    """
    env = os.environ if also_at is None else {**os.environ, "WAYBILL_LOCAL_POSTGRES_ALSO_AT": also_at}
    with subprocess.Popen(
        [SCRIPT, "lend"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as lent:
        assert lent.stdout is not None
        server = lent.stdout.readline().strip()
        if not server:
            raise RuntimeError("no PostgreSQL server could be started")
        yield databases_on(server)


def databases_on(server: str) -> NewStore:
    """New databases on a server, which the URL of one of its databases names."""

    def make(name: str) -> str:
        database = f"waybill_bench_{name.replace('-', '_')}_{uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        return server.rsplit("/", 1)[0] + f"/{database}"

    return make
