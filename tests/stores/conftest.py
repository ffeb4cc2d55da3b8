"""Stores to run one specification on: SQLite, and PostgreSQL where there is one."""

import atexit
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
import pytest

from infra.app.container import Waybill
from infra.settings import Settings

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
def new_databases(server: str, *, empty: bool = False) -> Iterator[StoreUrl]:
    """New databases with a store that nothing has come to, or with nothing at all; dropped at the end."""
    names: list[str] = []

    def make() -> str:
        name = f"waybill_test_{uuid4().hex}"
        execute(server, f"CREATE DATABASE {name}" + ("" if empty else f" TEMPLATE {template_on(server)}"))
        names.append(name)
        return url_of(server, name)

    yield make
    for name in names:
        execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@cache
def template_on(server: str) -> str:
    """A database with an empty store, which is copied: that is several times quicker than to create the store."""
    name = f"waybill_template_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name}")
    Waybill(Settings(store=url_of(server, name))).close()
    atexit.register(drop_if_there, server, name)
    return name


def drop_if_there(server: str, name: str) -> None:
    """Drop a database, unless its server has ended before."""
    with suppress(psycopg.OperationalError):
        execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def execute(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def url_of(server: str, database: str) -> str:
    return server.rsplit("/", 1)[0] + f"/{database}"


@pytest.fixture
def postgres_store(postgres_server: str) -> Iterator[StoreUrl]:
    """New databases, each with a store that nothing has come to; dropped at the end."""
    with new_databases(postgres_server) as make:
        yield make


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[StoreUrl]:
    """New, empty databases, dropped at the end."""
    with new_databases(postgres_server, empty=True) as make:
        yield make


@pytest.fixture
def sqlite_store(tmp_path: Path) -> StoreUrl:
    """New files, each with a store that nothing has come to."""

    def make() -> str:
        path = tmp_path / f"{uuid4().hex}.db"
        path.write_bytes(empty_sqlite_store())
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def no_file(tmp_path: Path) -> StoreUrl:
    """Paths at which there is no file yet."""
    return lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"


@cache
def empty_sqlite_store() -> bytes:
    """An empty store as it is created: to copy it costs a tenth."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "waybill.db"
        Waybill(Settings(store=f"sqlite:///{path}")).close()
        return path.read_bytes()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_store(request: pytest.FixtureRequest) -> StoreUrl:
    """New, empty stores, for a specification that each database is held to."""
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return made
