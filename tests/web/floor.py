"""A simulated sales floor behind a server, for tests that read a lot of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from consumers.sources.json_lines import JsonLines
from infra.simulation import DEFAULT_UNTIL, simulate
from tests.stores.conftest import new_databases
from tests.web.conftest import Served, served_web

NOW = DEFAULT_UNTIL + timedelta(hours=3)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@contextmanager
def floor_on(database: str, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server on a new store of this kind, with wrong messages among the others; its clock stands at NOW."""
    if database == "postgresql":
        with new_databases(request.getfixturevalue("postgres_server")) as make, _served(make()) as served:
            yield served
    else:
        path = request.getfixturevalue("tmp_path_factory").mktemp("floor") / "waybill.db"
        with _served(f"sqlite:///{path}") as served:
            yield served


@contextmanager
def _served(store: str) -> Iterator[Served]:
    with served_web(store, clock=lambda: NOW) as served:
        pipeline = served.waybill.ingest()
        content = b"\n".join(simulate(40, 5, DEFAULT_UNTIL, 0.15))
        pipeline.finish(pipeline.read(JsonLines.of_bytes("floor", content)).feed_id)
        served.waybill.project()
        yield served
