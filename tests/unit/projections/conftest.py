"""Where one specification of a projection is run: in memory, on SQLite and on PostgreSQL."""

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
