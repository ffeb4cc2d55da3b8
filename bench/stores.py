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
    """Databases on the private server that `make postgres-up` starts; dropped at the end."""
    server = subprocess.run([SCRIPT, "up"], capture_output=True, text=True, check=True).stdout.strip()
    made: list[str] = []

    def make(name: str) -> str:
        database = f"waybill_bench_{name.replace('-', '_')}_{uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        made.append(database)
        return server.rsplit("/", 1)[0] + f"/{database}"

    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        for database in made:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
