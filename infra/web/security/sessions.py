"""Browsers' sessions: a signed cookie that names a key. Nothing of them is in the store.

The cookie says whose session it is and when it began. What its key may do, and whether the key still works, is asked at
each request, so a session ends with its key.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import NamedTuple

import structlog

from infra.web.security.state_folder import StateFolder, StateFolderError

SECONDS_BETWEEN_LOOKS = 1.0
_COOKIE = re.compile(r"([a-z2-7]{12})\.([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


class Session(NamedTuple):
    """A session of the holder of a key. `ends_at` is in UTC."""

    session_id: str
    key_id: str
    ends_at: datetime


class Sessions:
    """Begins, reads and ends sessions that last at most `lifetime`.

    `folder` remembers which were signed out, for all processes. If it cannot be written, this process alone does.
    """

    def __init__(self, secret: bytes, lifetime: timedelta, folder: StateFolder):
        self.lifetime = lifetime
        self._secret = secret
        self._folder = folder
        self._lock = Lock()
        self._ended: dict[str, datetime] = {}
        self._looked_at: float | None = None

    def begin(self, key_id: str, now: datetime) -> str:
        """The cookie of a new session."""
        told = f"{key_id}.{int(now.timestamp())}.{secrets.token_hex(16)}"
        return f"{told}.{self._signature(told)}"

    def session_of(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie; None if it is not ours, was signed out, or has ended."""
        found = _COOKIE.fullmatch(cookie)
        if found is None:
            return None
        key_id, begun, session_id, signature = found.groups()
        if not hmac.compare_digest(self._signature(f"{key_id}.{begun}.{session_id}"), signature):
            return None
        ends_at = datetime.fromtimestamp(int(begun), UTC) + self.lifetime
        if now >= ends_at or session_id in self._signed_out(now):
            return None
        return Session(session_id, key_id, ends_at)

    def end(self, session: Session, now: datetime) -> None:
        """Sign out: the cookie is worth nothing from now on, whoever kept it."""
        with self._lock:
            self._ended = {one: at for one, at in self._ended.items() if at > now} | {
                session.session_id: session.ends_at
            }
        try:
            self._folder.merge_signed_out({session.session_id: session.ends_at}, now)
        except StateFolderError as e:
            warn_of_folder(e)

    def _signed_out(self, now: datetime) -> Mapping[str, datetime]:
        with self._lock:
            if self._looked_at is None or monotonic() - self._looked_at > SECONDS_BETWEEN_LOOKS:
                self._looked_at = monotonic()
                try:
                    known = {**self._ended, **self._folder.signed_out()}
                    self._ended = {one: at for one, at in known.items() if at > now}
                except StateFolderError as e:
                    warn_of_folder(e)
            return self._ended

    def _signature(self, told: str) -> str:
        return hmac.new(self._secret, f"session:{told}".encode(), hashlib.sha256).hexdigest()


def warn_of_folder(error: StateFolderError) -> None:
    """Log that the state folder cannot be used: a warning, never a failed request."""
    structlog.get_logger(__name__).warning("state_folder_failed", reason=str(error))
