"""Every route has a guard or is public, and refuses every wrong role and every key that does not work.

These tests walk the router, so no new route can be forgotten.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Mount

from infra.app.keys import create_key, revoke_key
from infra.store.keys import Role
from infra.web.app import ROUTERS, web_app
from infra.web.security.guard import Requires
from infra.web.security.hosts import SAFE_METHODS
from infra.web.security.principal import Principal
from infra.web.security.public import PUBLIC
from tests.web.conftest import Served
from tests.web.secured import OPERATOR, Secured, secured_web, signed_in

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
GUARDED = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in ROUTES
    if route.path not in PUBLIC
    for method in sorted(route.methods or ())
]
UNSAFE = [one for one in GUARDED if one.values[0] not in SAFE_METHODS]
SETS_OF_ROLES: list[Set[Role]] = [*({role} for role in Role), {Role.PUBLISH, Role.READ}, set(Role)]
NO_TOKEN = "csrf_token: missing or out of date"
NOTHING: Mapping[str, str] = {}


def guards_of(dependant: Dependant) -> list[Requires]:
    found = [dependant.call] if isinstance(dependant.call, Requires) else []
    return found + [guard for one in dependant.dependencies for guard in guards_of(one)]


def path_of(route: APIRoute) -> str:
    return re.sub(r"\{[^}]*\}", "7", route.path)


@dataclass
class Walked:
    """A server, and keys of every kind by name."""

    web: Secured
    client: httpx.Client
    keys: dict[str, str]

    def ask(self, method: str, route: APIRoute, headers: Mapping[str, str | bytes] = NOTHING) -> httpx.Response:
        return self.client.request(method, path_of(route), headers=dict(headers))  # type: ignore[arg-type]


def name_of(roles: Set[Role]) -> str:
    return " ".join(sorted(roles))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("roles")
    now = [datetime.now(UTC)]
    with (
        secured_web(f"sqlite:///{folder}/w.db", folder, clock=lambda: now[0]) as web,
        httpx.Client(base_url=web.url, timeout=30) as client,
    ):
        made = {name_of(roles): create_key(web.waybill, roles, "ann", OPERATOR)[0] for roles in SETS_OF_ROLES}
        made["revoked"] = create_key(web.waybill, set(Role), "ann", OPERATOR)[0]
        revoke_key(web.waybill, made["revoked"].key_id, OPERATOR)
        soon = now[0] + timedelta(seconds=1)
        made["expired"] = create_key(web.waybill, set(Role), "ann", OPERATOR, expires_at=soon)[0]
        now[0] += timedelta(seconds=2)
        keys = {name: key.text for name, key in made.items()}
        keys["unknown"] = "wbk_aaaaaaaaaaaa_" + "0" * 64
        keys["wrong secret"] = keys["operate"][:-64] + "0" * 64
        keys["garbage"] = "garbage"
        yield Walked(web, client, keys)


@pytest.fixture(scope="module")
def session(walked: Walked) -> str:
    """The cookie of a session that may do everything."""
    with walked.web.browser() as browser:
        answer = signed_in(browser, walked.keys[name_of(set(Role))])
        assert answer.status_code == 303
        return answer.headers["Set-Cookie"].partition(";")[0]


@pytest.fixture(scope="module")
def without_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server on loopback, whose store never had a key."""
    folder = tmp_path_factory.mktemp("roles")
    with secured_web(f"sqlite:///{folder}/w.db", folder) as web:
        yield web


def test_the_walk_sees_all_that_the_app_serves(sqlite_web: Served) -> None:
    app = web_app(sqlite_web.web)
    documented = set(app.openapi()["paths"])
    assert documented == {route.path_format for route in ROUTES if route.include_in_schema}
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_has_one_guard_or_is_public(route: APIRoute) -> None:
    assert len(guards_of(route.dependant)) == (0 if route.path in PUBLIC else 1)


@pytest.mark.parametrize(("method", "route"), GUARDED)
def test_every_route_refuses_every_wrong_role(walked: Walked, method: str, route: APIRoute) -> None:
    (guard,) = guards_of(route.dependant)
    for roles in SETS_OF_ROLES:
        if not any(Principal("ann", roles).may(role) for role in guard.roles):
            answer = walked.ask(method, route, bearer(walked.keys[name_of(roles)]))
            assert answer.status_code == 403, roles
            assert "this needs a key with the role" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "route"), GUARDED)
def test_every_route_refuses_no_key_and_keys_that_do_not_work(walked: Walked, method: str, route: APIRoute) -> None:
    answer = walked.ask(method, route)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    for name in ("revoked", "expired", "unknown", "wrong secret", "garbage"):
        key = walked.keys[name]
        answer = walked.ask(method, route, bearer(key))
        # 429: after many wrong keys
        assert answer.status_code in (401, 429), name
        assert key not in answer.text
    assert walked.ask(method, route, {"Authorization": "Basic YTpi"}).status_code in (401, 429)


@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_every_unsafe_route_refuses_a_session_without_its_token(
    walked: Walked, session: str, method: str, route: APIRoute
) -> None:
    other = walked.web.security.csrf.token("another session")
    for token in (None, other, "", "é".encode()):
        answer = walked.ask(method, route, {"Cookie": session, **({} if token is None else {"X-CSRF-Token": token})})
        assert answer.status_code == 403 and NO_TOKEN in answer.text


@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_every_unsafe_route_refuses_a_page_of_another_site(walked: Walked, method: str, route: APIRoute) -> None:
    key = bearer(walked.keys["publish read"])
    for foreign in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        answer = walked.ask(method, route, {**key, **foreign})
        assert answer.status_code == 403 and "a page of another site" in answer.text


@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_every_unsafe_route_needs_a_token_of_a_browser_on_loopback_without_keys(
    without_keys: Secured, method: str, route: APIRoute
) -> None:
    with without_keys.client() as client:
        from_a_page = client.request(method, path_of(route), headers={"Origin": without_keys.url})
        assert from_a_page.status_code == 403 and NO_TOKEN in from_a_page.text
        as_a_form = client.request(method, path_of(route), headers={"Content-Type": "text/plain"})
        # A program that uses the API hears which type to send; nothing is done either way.
        assert as_a_form.status_code == (415 if path_of(route).startswith("/v1/") else 403)
