"""A real server on a real store, for tests of the HTTP API and of the pages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from consumers.ingest.group_commit import GroupCommit
from infra.app.container import Waybill, system_clock
from infra.settings import Settings
from infra.signals.process import SERVE, signals_of
from infra.web.context import Web
from infra.web.running import run_web
from infra.web.security.principal import Principal, Role
from infra.web.server import address_of, listening
from tests.integration.messages import Document
from tests.stores.conftest import StoreUrl, empty_database, new_store, postgres_server, postgres_store, sqlite_store
from tests.stores.documents import take_in

__all__ = ["empty_database", "new_store", "postgres_server", "postgres_store", "sqlite_store"]

EVERYTHING = Principal("ann", frozenset(Role))


@dataclass
class Served:
    """A server that runs. `principal` is who every request comes from (None: nobody); a test may set it."""

    url: str
    client: httpx.Client
    waybill: Waybill
    principal: Principal | None = EVERYTHING
    web: Web = field(init=False)

    def seed(self, *messages: Document) -> None:
        """Take messages into the store (see tests/integration/messages.py), and project them."""
        take_in(self.waybill, *messages)


@contextmanager
def served_web(store: str, clock: Callable[[], datetime] = system_clock, **settings: Any) -> Iterator[Served]:
    """The web on this store, at a free port of loopback. `clock` is the service's, `settings` are its others."""
    stop, made, listener = Event(), Event(), listening("127.0.0.1:0")
    url = address_of(listener).rstrip("/")
    known = Settings(store=store, **settings)
    with (
        signals_of([SERVE], known, clock, "") as signals,
        Waybill(known, clock=clock, meter=signals.meter) as waybill,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        served = Served(url, client, waybill)
        endpoints = signals.endpoints
        assert endpoints is not None

        def web_with(intake: GroupCommit) -> Web:
            served.web = Web(waybill, lambda request: served.principal, intake, endpoints)
            made.set()
            return served.web

        server = Thread(target=run_web, args=(waybill, listener, stop, signals.pulses[SERVE], web_with))
        server.start()
        made.wait()
        try:
            yield served
        finally:
            stop.set()
            server.join()


@pytest.fixture
def web(new_store: StoreUrl) -> Iterator[Served]:
    """The web on an empty store: one test on SQLite and on PostgreSQL."""
    with served_web(new_store()) as served:
        yield served


@pytest.fixture
def sqlite_web(sqlite_store: StoreUrl) -> Iterator[Served]:
    """The web on an empty SQLite store, where the store makes no difference."""
    with served_web(sqlite_store()) as served:
        yield served
