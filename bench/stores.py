"""Empty stores to measure on: SQLite files in a folder, databases on a PostgreSQL server."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

SCRIPT = Path(__file__).parents[1] / "infra/local/postgres.sh"
NewStore = Callable[[str], str]
"""Gives the URL of a store of this name that does not exist yet."""


def sqlite_stores(folder: Path) -> NewStore:
    return lambda name: f"sqlite:///{folder / name}.db"


@contextmanager
def postgres_stores() -> Iterator[NewStore]:
    """Databases on a server of our own, which is gone at the end. Raises RuntimeError when none can be started."""
    with subprocess.Popen(
        [SCRIPT, "lend"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as lent:
        assert lent.stdout is not None
        server = lent.stdout.readline().strip()
        if not server:
            raise RuntimeError("no PostgreSQL server could be started")
        yield _databases_on(server)


def _databases_on(server: str) -> NewStore:

    def make(name: str) -> str:
        database = f"waybill_bench_{name.replace('-', '_')}_{uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        return server.rsplit("/", 1)[0] + f"/{database}"

    return make
