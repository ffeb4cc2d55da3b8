"""Where one specification of a projection is run: in memory, on SQLite and on PostgreSQL."""

import zlib
from collections.abc import Iterator

import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from tests.stores.conftest import StoreUrl, postgres_server, postgres_store, sqlite_store
from tests.unit.projections.specification import Memory, Projecting, Stored

__all__ = ["postgres_server", "postgres_store", "sqlite_store"]  # fixtures of that folder which are used here


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def projecting(request: pytest.FixtureRequest) -> Iterator[Projecting]:
    if request.param == "memory":
        yield Projecting(Memory())
        return
    new_store: StoreUrl = request.getfixturevalue(f"{request.param}_store")
    with Waybill(Settings(store=new_store())) as waybill:
        yield Projecting(Stored(waybill))


ONE_IN = 3
"""The share of the specifications that the short run plays on PostgreSQL, too; `make test-all` plays all of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A database with all tables for each specification takes minutes; tests/stores compares all views on both."""
    for item in items:
        of_postgres = "unit/projections/" in item.nodeid and "[postgres" in item.nodeid
        if of_postgres and zlib.crc32(item.nodeid.encode()) % ONE_IN:
            item.add_marker(pytest.mark.slow)
