"""A real browser on a real server: Chromium on a desk's store, one test on SQLite and on PostgreSQL.

Every page that a test opens is watched: an error on its console, a script that fails, or a request to another host
fails the test. The browser lives as long as this package's tests run one after another: Playwright's event loop would
be in the way of other tests.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from infra.app.container import Waybill
from infra.settings import Settings
from tests.simulated_store import FLOOR_ENDS, fill_with_floor
from tests.stores.conftest import new_databases, postgres_server
from tests.web.conftest import Served, served_web

__all__ = ["postgres_server"]

ROOT = Path(__file__).parents[2]
ORDERS = 120
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
ZONE = "America/New_York"
"""Where the viewer is."""
GRAVE = ("serious", "critical")
expect.set_options(timeout=45_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = subprocess.run([ROOT / "infra/local/browser.sh"], capture_output=True, text=True)
    if found.returncode != 0:
        why = f"needs a browser: {found.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sqlite_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a simulated sales floor, whose clock stands at FLOOR_ENDS."""
    with served_floor(f"sqlite:///{tmp_path_factory.mktemp('desk') / 'desk.db'}") as served:
        yield served


@pytest.fixture(scope="package")
def postgres_desk(postgres_server: str) -> Iterator[Served]:
    """The same on PostgreSQL."""
    with new_databases(postgres_server) as make, served_floor(make()) as served:
        yield served


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])])
def desk(request: pytest.FixtureRequest) -> Served:
    """The server on each store, for pages that are read. Quick tests of both are in tests/web."""
    served: Served = request.getfixturevalue("sqlite_desk" if request.param == "sqlite" else "postgres_desk")
    return served


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def desk_at_work(request: pytest.FixtureRequest) -> Served:
    """The server on each store, for pages that act."""
    served: Served = request.getfixturevalue("sqlite_desk" if request.param == "sqlite" else "postgres_desk")
    return served


def served_floor(store: str, orders: int = ORDERS) -> Any:
    with Waybill(Settings(store=store), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, orders)
    return served_web(store, clock=lambda: FLOOR_ENDS)


@dataclass
class Watch:
    """What a watched page complained about."""

    host: str
    missing: bool
    complaints: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.complaints.append(f"script failed: {error}"))
        page.on("request", self._asked)

    def _told(self, message: ConsoleMessage) -> None:
        if self.missing and "404" in message.text:
            return
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:")):
            self.complaints.append(f"asked another host: {request.url}")


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a path of a server in a window of its own: `open_page(desk, "/overdue", phone=True)`.

    `missing`: the page does not exist, which the browser says on its console. Further options are those of Playwright's
    new_context, such as `color_scheme="dark"` or `java_script_enabled=False`.
    """
    watches, contexts = [], []

    def open_page(
        served: Served, path: str = "/", *, phone: bool = False, missing: bool = False, **options: Any
    ) -> Page:
        chosen = {"viewport": PHONE if phone else DESKTOP, "timezone_id": ZONE, "locale": "en-GB", **options}
        context = browser.new_context(base_url=served.url, **chosen)
        context.set_default_timeout(45_000)
        contexts.append(context)
        page, watch = context.new_page(), Watch(served.url, missing)
        watch.over(page)
        watches.append(watch)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []


def assert_accessible(page: Page) -> None:
    """axe-core finds no serious or critical fault on the page as it is."""
    found = Axe().run(page).response["violations"]
    grave = [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in GRAVE
    ]
    assert not grave, "\n".join(grave)


def assert_fits(page: Page) -> None:
    """Nothing sticks out of the window sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
