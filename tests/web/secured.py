"""A real server behind keys, on a real store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
from fastapi import FastAPI, Request

from consumers.ingest.group_commit import GroupCommit
from infra.app.container import Waybill, system_clock
from infra.app.keys import create_key
from infra.settings import Settings
from infra.signals.process import SERVE, signals_of
from infra.store.keys import Role
from infra.store.operator_log import Who
from infra.web.context import Web
from infra.web.running import run_web
from infra.web.security.principal import Principal
from infra.web.security.security import Security
from infra.web.server import address_of, listening, serve

OPERATOR = Who("ann", "a test")
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Secured:
    """A server that runs. `clock` gives the instant that a test sets."""

    url: str
    waybill: Waybill
    security: Security

    def key(self, *roles: Role, source: str | None = None, expires_at: datetime | None = None) -> str:
        """A new key with these roles."""
        return create_key(self.waybill, frozenset(roles), "ann", OPERATOR, source, expires_at)[0].text

    def client(self, key: str | None = None) -> httpx.Client:
        """A program's client with this key."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def browser(self) -> httpx.Client:
        """A browser: it takes HTML, keeps cookies and says which site a request comes from."""
        return httpx.Client(base_url=self.url, headers={**BROWSER, "Origin": self.url}, timeout=30)


@contextmanager
def running(app: FastAPI, proxies: str = "") -> Iterator[str]:
    """The URL of this app, served at a free port of loopback."""
    stop, listener = Event(), listening("127.0.0.1:0")
    server = Thread(target=serve, args=(app, listener, stop, proxies))
    server.start()
    try:
        yield address_of(listener).rstrip("/")
    finally:
        stop.set()
        server.join()


@contextmanager
def secured_web(store: str, folder: Path, *, clock: Any = system_clock, **settings: Any) -> Iterator[Secured]:
    """The web on this store with its state in this folder, at a free port of loopback."""
    stop, listener = Event(), listening("127.0.0.1:0")
    known = Settings(store=store, state_folder=str(folder), **settings)
    with signals_of([SERVE], known, clock, "") as signals, Waybill(known, clock=clock) as waybill:
        security, endpoints = Security(waybill, "ann", "127.0.0.1"), signals.endpoints
        assert endpoints is not None

        def web_with(intake: GroupCommit) -> Web:
            return Web.secured(waybill, security, intake, endpoints)

        server = Thread(target=run_web, args=(waybill, listener, stop, signals.pulses[SERVE], web_with))
        server.start()
        try:
            yield Secured(address_of(listener).rstrip("/"), waybill, security)
        finally:
            stop.set()
            server.join()
            security.close()


def web_on(waybill: Waybill, authenticate: Callable[[Request], Principal | None]) -> Web:
    """The web whose intake nobody runs: for tests that publish nothing."""
    with signals_of([SERVE], waybill.settings, waybill.clock, "") as signals:
        assert signals.endpoints is not None
        return Web(waybill, authenticate, waybill.intake(Event())[0], signals.endpoints)


def field_of(html: str, name: str) -> str:
    """The value of a hidden field."""
    return html.partition(f'name="{name}" value="')[2].partition('"')[0]


def signed_in(browser: httpx.Client, key: str, next: str = "/") -> httpx.Response:
    """Sign in through the page; returns the answer to its form."""
    form = browser.get("/sign-in", params={"next": next})
    fields = {name: field_of(form.text, name) for name in ("csrf_token", "next")}
    return browser.post("/sign-in", data={**fields, "key": key})
