"""Stores to run one specification on: SQLite, and PostgreSQL where there is one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
StoreUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a database on a server that may be filled with test databases.

    WAYBILL_TEST_POSTGRES names one that is there, as `make test` does. Else this process starts a server of its own,
    which ends with the process, however that ends.
    """
    given = os.environ.get("WAYBILL_TEST_POSTGRES")
    if given:
        yield given
        return
    with lent_server() as url:
        yield url


@contextmanager
def lent_server(time_zone: str | None = None) -> Iterator[str]:
    """The URL of a database on a new server, which ends with this process; made on a machine in this time zone."""
    environment = {name: value for name, value in os.environ.items() if name != "WAYBILL_TEST_POSTGRES"}
    with subprocess.Popen(
        [ROOT / "infra/local/postgres.sh", "lend"],
        env=environment | ({"TZ": time_zone} if time_zone else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as lent:
        assert lent.stdout is not None
        url = lent.stdout.readline().strip()
        if not url and os.environ.get("CI"):
            pytest.fail("PostgreSQL is needed here, and infra/local/postgres.sh could not start it")
        if not url:
            pytest.skip("needs PostgreSQL's binaries (see `make postgres-up`), or WAYBILL_TEST_POSTGRES")
        yield url


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
