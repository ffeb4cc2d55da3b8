"""Who sends a request: the holder of a key, of a session that a key began, or the login on loopback without keys."""

from datetime import timedelta
from math import ceil
from secrets import token_bytes
from typing import NoReturn

import structlog
from fastapi import Request, Response

from infra.app.api_key import ApiKey, key_of
from infra.app.container import Waybill
from infra.app.keys import NeedsKeysError
from infra.store.keys import Role, StoredKey, stored_keys
from infra.web.problems import Problem
from infra.web.security.csrf import CsrfTokens, is_from_a_browser
from infra.web.security.hosts import SAFE_METHODS, Hosts, is_loopback
from infra.web.security.key_ring import KeyRing
from infra.web.security.last_used import LastUsed
from infra.web.security.limits import RateLimit, client_network
from infra.web.security.principal import Principal
from infra.web.security.sessions import Session, Sessions, warn_of_folder
from infra.web.security.state_folder import SECRET_BYTES, StateFolder, StateFolderError

LOOPBACK = "loopback"
"""What stands for a session where there are no keys."""
NO_KEY = ApiKey("", "")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
FAILURES_AT_ONCE, FAILURES_PER_SECOND = 20, 0.2
"""How many wrong keys an address may send, and how many may be sent for one key id."""


class Security:
    """Authenticates requests on one store; see docs/security.md.

    `login` is who everybody is on loopback until a key was created. `host` is where the server listens. Raises
    NeedsKeysError.
    """

    def __init__(self, waybill: Waybill, login: str, host: str):
        settings = waybill.settings
        self._waybill = waybill
        self._login = login
        self._keys = KeyRing(self._read_keys, waybill.clock)
        # With served names or a proxy, loopback is no proof of a local user.
        self._open = is_loopback(host) and not settings.serve_names and not settings.serve_proxies
        if not self._open and self._keys.is_empty():
            raise NeedsKeysError(
                f"other machines would reach {host}, and no key exists: create one with `waybill keys create --role "
                "read --role publish --role operate`, or listen on 127.0.0.1 without WAYBILL_SERVE_NAMES and "
                "WAYBILL_SERVE_PROXIES"
            )
        self.hosts = Hosts.served(settings.serve_names, only_loopback=is_loopback(host))
        folder, secret = _folder_and_secret(waybill)
        self.csrf = CsrfTokens(secret)
        self._sessions = Sessions(secret, timedelta(hours=settings.serve_session_hours), folder)
        self._last_used = LastUsed(folder)
        self._cookie = f"waybill-{folder.store_name}"
        self._failures = RateLimit(FAILURES_PER_SECOND, FAILURES_AT_ONCE)
        rate = settings.serve_key_rate
        self._requests = RateLimit(rate, rate) if rate else None

    def authenticate(self, request: Request) -> Principal | None:
        """Who sends this request; None: nobody. Raises Problem (401, 429) for a wrong key and for too many requests."""
        given = request.headers.getlist("authorization")
        if given:
            stored = self.proven(request, _bearer_key(given))
            return self._used(stored, None)
        if self._keys.is_empty():
            return self._local(request) if self._open else None
        session = self._session(request)
        if session is None:
            return None
        key = self._keys.working(session.key_id)
        return None if key is None else self._used(key, session.session_id)

    def proven(self, request: Request, key: ApiKey | None) -> StoredKey:
        """The stored key that this is. Raises Problem: 401, or 429 after too many failures.

        Only failures are limited, so that whoever guesses locks out nobody: a right key works from every address.
        """
        stored = self._keys.proven(key or NO_KEY)
        if stored is None:
            self._failed(request, key)
        return stored

    def has_keys(self) -> bool:
        """Whether a key was ever created."""
        return not self._keys.is_empty()

    def holds(self, request: Request) -> bool:
        """Whether the key or session of a request that was authenticated before still works. It counts as no use."""
        given = request.headers.getlist("authorization")
        if given:
            key = _bearer_key(given)
            return key is not None and self._keys.working(key.key_id) is not None
        if self._keys.is_empty():
            return self._open
        session = self._session(request)
        return session is not None and self._keys.working(session.key_id) is not None

    def sign_in(self, request: Request, response: Response, key: StoredKey) -> None:
        """Begin a session of this key with a cookie on the answer."""
        now = self._waybill.clock()
        self._last_used.note(key.key_id, now)
        self._set_cookie(request, response, self._sessions.begin(key.key_id, now), self._sessions.lifetime)

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session of this request."""
        session = self._session(request)
        if session is not None:
            self._sessions.end(session, self._waybill.clock())
        self._set_cookie(request, response, "", timedelta(0))

    def close(self) -> None:
        """Write down when keys were last used."""
        self._last_used.write()

    def _read_keys(self) -> dict[str, StoredKey]:
        with self._waybill.engine.connect() as connection:
            return dict(stored_keys(connection))

    def _local(self, request: Request) -> Principal | None:
        if any(name in request.headers for name in FORWARDED):
            return None  # somebody put a proxy in front: this is no local user
        # A page has its token whatever asks for it: an old browser adds nothing to a GET.
        has_session = request.method in SAFE_METHODS or is_from_a_browser(request)
        return Principal(self._login, frozenset(Role), session=LOOPBACK if has_session else None)

    def _session(self, request: Request) -> Session | None:
        cookie = request.cookies.get(self._cookie_name(request))
        return None if cookie is None else self._sessions.session_of(cookie, self._waybill.clock())

    def _used(self, key: StoredKey, session: str | None) -> Principal:
        wait = 0.0 if self._requests is None else self._requests.take(key.key_id)
        if wait:
            _refuse_for(wait, "this key makes more requests a second than WAYBILL_SERVE_KEY_RATE allows")
        self._last_used.note(key.key_id, self._waybill.clock())
        return Principal(key.name, key.roles, key.source, key.key_id, session)

    def _failed(self, request: Request, key: ApiKey | None) -> NoReturn:
        address = client_network(request.client.host if request.client is not None else "")
        waits = [self._failures.take(("address", address))]
        if key is not None:
            waits.append(self._failures.take(("key", key.key_id)))
        wait = max(waits)
        if wait:
            _refuse_for(wait, "too many wrong keys")
        structlog.get_logger(__name__).warning("key_refused", address=address)
        raise Problem(401, "this key does not work: it is unknown, revoked or expired (see waybill keys list)")

    def _cookie_name(self, request: Request) -> str:
        # With this prefix, browsers take the cookie from this very host alone.
        return f"__Host-{self._cookie}" if request.url.scheme == "https" else self._cookie

    def _set_cookie(self, request: Request, response: Response, value: str, lasts: timedelta) -> None:
        response.set_cookie(
            self._cookie_name(request),
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def _bearer_key(given: list[str]) -> ApiKey | None:
    scheme, _, text = given[0].partition(" ")
    return key_of(text.strip()) if len(given) == 1 and scheme.lower() == "bearer" else None


def _refuse_for(seconds: float, why: str) -> NoReturn:
    raise Problem(429, f"{why}; try again in {ceil(seconds)} s", headers={"Retry-After": str(ceil(seconds))})


def _folder_and_secret(waybill: Waybill) -> tuple[StateFolder, bytes]:
    """The state folder, and the secret of sessions: without a folder, one that ends with this process."""
    folder = StateFolder.of(waybill.settings)
    try:
        return folder, folder.session_secret()
    except StateFolderError as e:
        warn_of_folder(e)
        return folder, token_bytes(SECRET_BYTES)
