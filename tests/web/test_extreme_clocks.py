"""given clocks at the ends of the calendar, then every page and every question of the API answers."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from fastapi.routing import APIRoute

from infra.web.api import views
from infra.web.app import ROUTERS
from infra.web.pages.trends import SCRIPT
from tests.integration.messages import attempted, booked, confirmed, contacted, delayed, placed, registered, requested
from tests.stores.conftest import new_databases
from tests.web.conftest import Served, served_web
from tests.web.floor import DATABASES

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
CLOCKS = ({"as_of": "0001-01-02T00:00:00Z"}, {"as_of": LAST})
ALL_CLOCKS = (
    {"as_of": FIRST},
    *CLOCKS,
    {"as_of": "9999-12-31T23:30:00Z"},
    {"known_at": FIRST},
    {"known_at": LAST},
    {"as_of": LAST, "known_at": LAST},
)
ENDLESS = ("/v1/events/stream", "/operations/rebuilds")
OTHER_NAMES = [
    route.path for route in views.router.routes if isinstance(route, APIRoute) and not route.include_in_schema
]
WITHOUT_IDS = [
    route.path
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    and "GET" in (route.methods or ())
    and "{" not in route.path
    and route.path not in (*ENDLESS, *OTHER_NAMES, SCRIPT)
]
WITH_IDS = ("/reps/rep-1", "/accounts/ACME", "/orders/SO-1", "/orders/SO-1/steps", "/v1/orders/SO-1")
FILES = (".csv", ".parquet")
MORE = ("/trends?days=366", "/trends/part?days=366", "/scorecard/month?rep_id=rep-1", "/search?q=SO-1")


@pytest.fixture(scope="module", params=DATABASES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if request.param == "sqlite":
        with served_web(f"sqlite:///{tmp_path_factory.mktemp('clocks') / 'waybill.db'}") as web:
            yield _seeded(web)
    else:
        with new_databases(request.getfixturevalue("postgres_server")) as make, served_web(make()) as web:
            yield _seeded(web)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_web(f"sqlite:///{tmp_path_factory.mktemp('clocks') / 'waybill.db'}") as web:
        yield _seeded(web)


def _seeded(web: Served) -> Served:
    web.seed(
        registered("rep-1", "2025-03-01T08:00:00Z", "Ann"),
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
        booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T12:00:00Z"),
        delayed("SO-1", "2025-03-05T09:00:00Z", "2025-03-12T12:00:00Z"),
        attempted("SO-1", "2025-03-06T09:00:00Z"),
        requested("SO-1", "2025-03-05T10:00:00Z"),
        contacted("ACME", "2025-03-05T11:00:00Z", "rep-1"),
        placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-04T16:00:00Z"),
        booked("SO-2", "2025-03-03T10:00:00Z", "2025-03-05T12:00:00Z"),
        confirmed("SO-2", "2025-03-05T12:00:00Z"),
    )
    return web


def failing(served: Served, path: str, clocks: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    address, _, query = path.partition("?")
    told = dict(pair.split("=") for pair in query.split("&")) if query else {}
    return [one for one in clocks if served.client.get(address, params={**told, **one}).status_code >= 500]


@pytest.mark.parametrize("path", [*(path for path in WITHOUT_IDS if not path.endswith(FILES)), *WITH_IDS, *MORE])
def test_every_page_and_question_answers_by_the_ends_of_the_calendar(light: Served, path: str) -> None:
    assert failing(light, path, CLOCKS) == []


@pytest.mark.parametrize("path", ["/", "/overdue", "/scorecard", "/standing-orders", *WITH_IDS[:4], *MORE[1:3]])
def test_what_counts_by_the_clock_answers_on_both_databases(served: Served, path: str) -> None:
    assert failing(served, path, ALL_CLOCKS[-1:]) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", [*WITHOUT_IDS, *WITH_IDS, *MORE])
def test_every_page_and_question_answers_by_all_extreme_clocks_on_both_databases(served: Served, path: str) -> None:
    assert failing(served, path, ALL_CLOCKS) == []


def test_the_walk_sees_the_pages_and_the_views() -> None:
    assert {*WITHOUT_IDS} >= {"/", "/trends", "/overdue", "/overdue.csv", "/v1/views/overdue", "/operations"}
