"""given any request, then names, origins and sizes are checked, and every answer has the security headers."""

import sqlite3
from collections.abc import Hashable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import structlog
from fastapi import Request
from sqlalchemy.exc import OperationalError

from infra.app.api_key import new_key
from infra.app.container import Waybill
from infra.app.keys import NeedsKeysError
from infra.settings import Settings
from infra.store.keys import Role
from infra.web.app import web_app
from infra.web.security.headers import CONTENT_SECURITY_POLICY
from infra.web.security.hosts import Hosts
from infra.web.security.security import FAILURES_AT_ONCE, Security
from tests.stores.conftest import StoreUrl
from tests.web.secured import BROWSER, Secured, running, secured_web, signed_in, web_on

ANSWERS = {
    "/": 200,
    "/sign-in": 303,
    "/nowhere": 404,
    "/v1/nowhere": 404,
    "/?as_of=yesterday": 400,
    "/static/waybill.css": 200,
    "/static/nowhere": 404,
}


@pytest.fixture
def web(sqlite_store: StoreUrl, tmp_path: Path) -> Iterator[Secured]:
    with secured_web(sqlite_store(), tmp_path / "state") as web:
        yield web


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_answer_has_the_security_headers(web: Secured, accept: str) -> None:
    assert "'unsafe" not in CONTENT_SECURITY_POLICY and "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    with web.client() as client:
        for path, status in ANSWERS.items():
            answer = client.get(path, headers={"Accept": accept})
            assert answer.status_code == status, path
            assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert "camera=()" in answer.headers["Permissions-Policy"]
            is_static = path.startswith("/static")
            assert ("no-store" in answer.headers.get("Cache-Control", "")) != is_static, path


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed the connection")), 503),
        (OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such table: api_keys")), 500),
        (RuntimeError("a bug"), 500),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_failure_is_told_without_its_inside(
    sqlite_store: StoreUrl, failure: Exception, status: int, accept: str
) -> None:
    def fail(request: Request) -> None:
        raise failure

    with (
        Waybill(Settings(store=sqlite_store())) as waybill,
        running(web_app(web_on(waybill, fail))) as url,
        structlog.testing.capture_logs() as logs,
    ):
        answer = httpx.get(url, headers={"Accept": accept})
    assert [line["event"] for line in logs if line["event"] != "pages_served"] == ["request_failed"]
    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert not any(inside in answer.text for inside in ("SELECT", "closed", "api_keys", "a bug", "Traceback"))


def test_an_error_is_a_page_for_a_browser_and_a_document_for_a_program(web: Secured) -> None:
    assert web.client().get("/nowhere").headers["Content-Type"] == "application/problem+json"
    assert web.client().get("/nowhere", headers=BROWSER).headers["Content-Type"].startswith("text/html")


def test_a_page_for_nobody_tells_nothing_of_the_store(web: Secured) -> None:
    web.key(Role.PUBLISH)
    page = web.client().get("/nowhere", headers=BROWSER)
    assert page.status_code == 404 and "Position" not in page.text
    page = web.client(web.key(Role.PUBLISH)).get("/nowhere", headers=BROWSER)
    assert page.status_code == 404 and "Position" not in page.text


def test_another_name_is_refused_on_loopback(web: Secured) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost:x", "[::1", "169.254.169.254"):
        answer = web.client().get("/", headers={"Host": host})
        assert answer.status_code in (400, 421), host
    for host in ("localhost", "localhost:1", "127.0.0.1:8400", "[::1]:8400", "LOCALHOST.", "127.1.2.3"):
        assert web.client().get("/", headers={"Host": host}).status_code == 200, host


def test_served_names_are_added_to_those_of_loopback() -> None:
    hosts = Hosts.served("waybill.example.com,intern", only_loopback=True)
    assert hosts.serves("waybill.example.com:443") and hosts.serves("intern") and hosts.serves("[::1]:1")
    assert (
        not hosts.serves("example.com") and not hosts.serves("a.waybill.example.com") and not hosts.serves("10.0.0.1")
    )
    beyond = Hosts.served("waybill.example.com", only_loopback=False)
    assert beyond.serves("10.0.0.1") and not beyond.serves("evil.example")
    assert Hosts.served("", only_loopback=False).serves("whatever.example")


def test_once_a_key_was_created_nobody_comes_without_one(web: Secured) -> None:
    client = web.client()
    assert client.get("/").status_code == 200
    key = web.key(Role.READ)
    web.security._keys._read_at = None  # the second that it is known for has passed
    assert client.get("/").status_code == 401
    assert web.client(key).get("/").status_code == 200


def test_a_proxy_in_front_of_loopback_without_keys_lets_nobody_in(web: Secured) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert web.client().get("/", headers={name: "203.0.113.7"}).status_code == 401


def test_without_keys_it_listens_on_loopback_alone(web: Secured) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        with pytest.raises(NeedsKeysError, match="waybill keys create --role"):
            Security(web.waybill, "ann", host)
    # loopback is no proof of a local user where others are meant to come
    for option in ({"serve_names": "waybill.example.com"}, {"serve_proxies": "127.0.0.1"}):
        settings = web.waybill.settings.model_copy(update=option)
        with Waybill(settings) as waybill, pytest.raises(NeedsKeysError):
            Security(waybill, "ann", "127.0.0.1")
    web.key(Role.READ)
    Security(web.waybill, "ann", "192.0.2.1")


def test_an_address_sends_so_many_wrong_keys_and_right_ones_still_work(web: Secured) -> None:
    right, wrong = web.key(Role.READ), [new_key().text for _ in range(FAILURES_AT_ONCE + 1)]
    with web.client() as client:
        answers = [client.get("/", headers={"Authorization": f"Bearer {key}"}) for key in wrong]
    assert [answer.status_code for answer in answers] == [401] * FAILURES_AT_ONCE + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert not any(key in answer.text for key, answer in zip(wrong, answers, strict=True))
    assert web.client(right).get("/").status_code == 200
    with web.browser() as browser:
        assert signed_in(browser, wrong[0]).status_code == 429
        assert signed_in(browser, right).status_code == 303


def test_one_key_is_guessed_so_often_from_however_many_addresses(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    store = sqlite_store()
    with secured_web(store, tmp_path) as before:
        right = before.key(Role.READ)
    with secured_web(store, tmp_path, serve_proxies="127.0.0.1") as web, web.client(right[:-64] + "0" * 64) as client:
        clients = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(FAILURES_AT_ONCE + 1)]
        statuses = [client.get("/", headers=one).status_code for one in clients]
        assert statuses == [401] * FAILURES_AT_ONCE + [429]
        assert web.client(right).get("/", headers=clients[-1]).status_code == 200


def test_a_wrong_key_of_a_browser_counts_once(web: Secured) -> None:
    web.key(Role.READ)
    client = web.client("wbk_aaaaaaaaaaaa_" + "0" * 64)
    answers = [client.get("/", headers={"Accept": "text/html"}).status_code for _ in range(FAILURES_AT_ONCE)]
    assert answers == [401] * FAILURES_AT_ONCE


def test_one_key_makes_only_so_many_requests(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    with secured_web(sqlite_store(), tmp_path, serve_key_rate=1) as web:
        key, other = web.key(Role.READ), web.key(Role.READ)
        assert {web.client(key).get("/").status_code for _ in range(4)} == {200, 429}
        assert web.client(other).get("/").status_code == 200


def test_a_page_that_tells_of_an_error_counts_the_key_once(
    sqlite_store: StoreUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured_web(sqlite_store(), tmp_path, serve_key_rate=100) as web:
        taken: list[Hashable] = []
        limit = web.security._requests
        assert limit is not None
        take = limit.take

        def counted(whose: Hashable) -> float:
            taken.append(whose)
            return take(whose)

        monkeypatch.setattr(limit, "take", counted)
        client = web.client(web.key(Role.READ))

        answer = client.get("/overdue?as_of=soon", headers={"Accept": "text/html"})

        assert answer.status_code == 400 and "<nav" in answer.text
        assert len(taken) == 1


def test_behind_a_proxy_with_https_the_cookie_is_secure(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    store = sqlite_store()
    with secured_web(store, tmp_path) as before:
        key = before.key(Role.READ)
    with secured_web(store, tmp_path, serve_proxies="127.0.0.1", serve_names="waybill.example.com") as web:
        told = {"Host": "waybill.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        with web.client() as browser:
            browser.headers.update({**BROWSER, **told, "Origin": "https://waybill.example.com"})
            form = browser.get("/sign-in")
            nonce = form.headers["Set-Cookie"].partition(";")[0]
            fields = {"csrf_token": form.text.partition('name="csrf_token" value="')[2].partition('"')[0], "key": key}
            answer = browser.post("/sign-in", data=fields, headers={"Cookie": nonce})
            assert answer.status_code == 303
            assert (
                answer.headers["Set-Cookie"].startswith("__Host-waybill-") and "Secure" in answer.headers["Set-Cookie"]
            )


def test_what_is_forwarded_by_nobodys_proxy_is_not_believed(web: Secured) -> None:
    key = web.key(Role.READ)
    with web.client() as client:
        client.headers.update({**BROWSER, "X-Forwarded-Proto": "https"})
        assert "Secure" not in signed_in(client, key).headers["Set-Cookie"]


def test_a_large_body_is_refused_before_it_is_read(web: Secured) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.client().post("/sign-in", content=b"key=" + b"a" * 300_000, headers=form).status_code == 413
    assert web.client().post("/sign-in", content=iter([b"key=a"]), headers=form).status_code == 411


def test_served_names_and_proxies_are_checked() -> None:
    assert Settings(serve_names=" Waybill.example.com ,intern").serve_names == "waybill.example.com,intern"
    with pytest.raises(ValueError, match="must be host names without port"):
        Settings(serve_names="https://waybill.example.com")
    with pytest.raises(ValueError, match="must be IP addresses"):
        Settings(serve_proxies="*")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_without_keys_a_program_that_sends_a_form_type_hears_which_type_to_send(
    web: Secured, content_type: str
) -> None:
    answer = web.client().post("/v1/events", content=b"{}", headers={"Content-Type": content_type})

    assert answer.status_code == 415
    assert "application/cloudevents+json" in answer.json()["detail"]


def test_without_keys_a_page_has_its_token_for_old_browsers_too(web: Secured) -> None:
    page = web.client().get("/operations/parts/relay")  # without Sec-Fetch-Site, Origin and cookies

    assert 'name="csrf_token" value="' in page.text
