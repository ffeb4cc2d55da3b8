"""given people with browsers, then a key signs them in, and their sessions end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.app.api_key import key_of
from infra.app.keys import revoke_key
from infra.store.keys import Role
from infra.web.pages.sign_in import safe_next
from infra.web.security.state_folder import StateFolder
from tests.stores.conftest import StoreUrl
from tests.web.secured import OPERATOR, Secured, field_of, secured_web, signed_in


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


CLOCK = Clock()


@pytest.fixture
def web(sqlite_store: StoreUrl, tmp_path: Path) -> Iterator[Secured]:
    with secured_web(sqlite_store(), tmp_path / "state", clock=CLOCK) as web:
        yield web


def revoke(web: Secured, key: str) -> None:
    found = key_of(key)
    assert found is not None
    revoke_key(web.waybill, found.key_id, OPERATOR)
    web.security._keys._read_at = None  # the second that it is known for has passed


def test_a_browser_without_a_session_is_led_to_the_sign_in_page_and_back(new_store: StoreUrl, tmp_path: Path) -> None:
    with secured_web(new_store(), tmp_path) as web, web.browser() as browser:
        key = web.key(Role.READ)
        led = browser.get("/?as_of=2026-03-01")
        assert (led.status_code, led.headers["Location"]) == (303, "/sign-in?next=%2F%3Fas_of%3D2026-03-01")

        answer = signed_in(browser, key, next="/?as_of=2026-03-01")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/?as_of=2026-03-01")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Secure" not in cookie
        assert key not in cookie and "Max-Age=43200" in cookie
        assert browser.get("/?as_of=2026-03-01").status_code == 200
        # whoever is signed in needs no second time
        assert browser.get("/sign-in").status_code == 303

        (used,) = StateFolder.of(web.waybill.settings).last_used()
        assert key.startswith(f"wbk_{used}_")


def test_a_wrong_key_is_refused_without_being_shown(web: Secured) -> None:
    web.key(Role.READ)
    with web.browser() as browser:
        wrong = "wbk_aaaaaaaaaaaa_" + "0" * 64
        answer = signed_in(browser, wrong)
        assert answer.status_code == 401 and "This key does not work" in answer.text
        assert wrong not in answer.text
        assert browser.get("/").status_code == 303


def test_a_key_that_may_publish_only_is_no_way_to_the_pages(web: Secured) -> None:
    with web.browser() as browser:
        answer = signed_in(browser, web.key(Role.PUBLISH))
        assert answer.status_code == 403 and "role read" in answer.text


def test_the_form_of_another_browser_signs_nobody_in(web: Secured) -> None:
    key = web.key(Role.READ)
    with web.browser() as attacker, web.browser() as victim:
        token = field_of(attacker.get("/sign-in").text, "csrf_token")
        victim.get("/sign-in")
        answer = victim.post("/sign-in", data={"key": key, "csrf_token": token})
        assert answer.status_code == 403 and "out of date" in answer.text
        assert victim.get("/").status_code == 303


def test_a_session_ends_when_its_key_is_revoked(web: Secured) -> None:
    key = web.key(Role.READ)
    with web.browser() as browser:
        signed_in(browser, key)
        assert browser.get("/").status_code == 200
        revoke(web, key)
        assert browser.get("/").status_code == 303


def test_a_stream_ends_when_its_key_is_revoked_and_when_its_session_is_signed_out(web: Secured) -> None:
    key, other = web.key(Role.READ), web.key(Role.READ)
    with web.client(key) as program, program.stream("GET", "/v1/events/stream") as streamed:
        lines = streamed.iter_lines()
        assert "event: begun" in (next(lines), next(lines), next(lines), next(lines))
        revoke(web, key)
        list(lines)  # this comes to an end
    with web.browser() as browser:
        signed_in(browser, other)
        with browser.stream("GET", "/v1/events/stream") as streamed:
            page = browser.get("/sign-in", follow_redirects=True)
            browser.post("/sign-out", data={"csrf_token": field_of(page.text, "csrf_token")})
            list(streamed.iter_lines())  # and so does this


def test_a_session_ends_when_its_key_expires_and_at_its_own_time(web: Secured) -> None:
    with web.browser() as soon, web.browser() as late:
        signed_in(soon, web.key(Role.READ, expires_at=CLOCK.now + timedelta(hours=1)))
        signed_in(late, web.key(Role.READ))
        CLOCK.now += timedelta(hours=1)
        assert (soon.get("/").status_code, late.get("/").status_code) == (303, 200)
        CLOCK.now += timedelta(hours=11)
        assert late.get("/").status_code == 303


def test_a_session_outlives_a_restart_and_a_sign_out_holds_for_it_too(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    store = sqlite_store()
    with secured_web(store, tmp_path) as web, web.browser() as browser:
        signed_in(browser, web.key(Role.READ))
        cookies = dict(browser.cookies)
    with secured_web(store, tmp_path) as web, web.browser() as browser:
        browser.cookies.update(cookies)
        page = browser.get("/")
        assert page.status_code == 200
        # when it signs out, which needs the token of its page
        assert browser.post("/sign-out").status_code == 403
        answer = browser.post("/sign-out", data={"csrf_token": field_of(page.text, "csrf_token")})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    with secured_web(store, tmp_path) as web, web.browser() as browser:
        browser.cookies.update(cookies)
        assert browser.get("/").status_code == 303, "a cookie that somebody kept works after the sign-out"


def test_a_cookie_that_was_changed_is_no_session(web: Secured) -> None:
    with web.browser() as browser:
        signed_in(browser, web.key(Role.READ))
        ((name, value),) = [(name, value) for name, value in browser.cookies.items() if value.count(".") == 3]
        key_id, begun, *rest = value.split(".")
        for changed in (
            ".".join((key_id, str(int(begun) + 1), *rest)),
            ".".join(("a" * 12, begun, *rest)),
            value[:-1] + ("0" if value[-1] != "0" else "1"),
            "",
        ):
            with web.browser() as other:
                other.cookies.set(name, changed)
                assert other.get("/").status_code == 303, changed


def test_a_state_folder_that_cannot_be_written_fails_no_request(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with secured_web(sqlite_store(), tmp_path / "file" / "state") as web, web.browser() as browser:
        key = web.key(Role.READ)
        assert web.client(key).get("/").status_code == 200
        signed_in(browser, key)
        assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/a\r\nSet-Cookie: a=b",
        "http:/evil",
        "///evil.example",
        "",
        "/sign-in",
        "/sign-out",
        "/" + "a" * 3_000,
        "//[",
    ],
)
def test_the_page_after_the_sign_in_is_never_elsewhere(wanted: str) -> None:
    assert safe_next(wanted) == "/"


def test_the_page_after_the_sign_in_keeps_its_clocks() -> None:
    wanted = "/search?q=SO-1&as_of=2026-03-01T09:00:00Z"
    assert safe_next(wanted) == wanted
