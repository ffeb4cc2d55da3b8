"""Stores to run one specification on: SQLite, and PostgreSQL where there is one."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
StoreUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a database on a server that may be filled with test databases; started if there is none."""
    given = os.environ.get("WAYBILL_TEST_POSTGRES")
    if given:
        return given
    # Of several test processes, one starts it. `make test` has done so before; then this only asks for its URL.
    with (Path(tempfile.gettempdir()) / f"waybill-postgres-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = subprocess.run([ROOT / "infra/local/postgres.sh", "up"], capture_output=True, text=True, check=False)
    if started.returncode == 0:
        return started.stdout.strip()
    if os.environ.get("CI"):
        pytest.fail(f"PostgreSQL is needed here: {started.stderr.strip()}")
    pytest.skip("needs PostgreSQL: run `make postgres-up`, or set WAYBILL_TEST_POSTGRES")


@contextmanager
def new_databases(server: str) -> Iterator[StoreUrl]:
    """New, empty databases, dropped at the end."""
    names: list[str] = []

    def make() -> str:
        name = f"waybill_test_{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        names.append(name)
        return server.rsplit("/", 1)[0] + f"/{name}"

    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def postgres_store(postgres_server: str) -> Iterator[StoreUrl]:
    """New, empty databases, dropped at the end."""
    with new_databases(postgres_server) as make:
        yield make


@pytest.fixture
def sqlite_store(tmp_path: Path) -> StoreUrl:
    """New, empty files."""
    return lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_store(request: pytest.FixtureRequest) -> StoreUrl:
    """New, empty stores, for a specification that each database is held to."""
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return made
