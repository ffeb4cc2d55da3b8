"""The stored keys, as this process knows them: read again at most every second or so."""

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from time import monotonic

from infra.app.api_key import ApiKey, proves
from infra.store.keys import StoredKey

SECONDS_KEPT = 1.0
"""A key that was revoked works for at most so long."""
SECONDS_KEPT_AFTER_A_FAILURE = 0.01
"""A key that does not fit may be new, so the store is asked again, but not as often as somebody guesses."""


class KeyRing:
    """Finds the key that a request brings. While the store cannot be read, requests fail: no key is believed longer."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, StoredKey]],
        clock: Callable[[], datetime],
        elapsed: Callable[[], float] = monotonic,
    ):
        self._read = read
        self._clock = clock
        self._elapsed = elapsed
        self._lock = Lock()
        self._known: Mapping[str, StoredKey] = {}
        self._read_at: float | None = None

    def is_empty(self) -> bool:
        """Whether no key was ever created."""
        return not self._keys()

    def proven(self, key: ApiKey) -> StoredKey | None:
        """The stored key, if this is it and it works now. An unknown id and a wrong secret take the same way."""
        for kept in (SECONDS_KEPT, SECONDS_KEPT_AFTER_A_FAILURE):
            stored = self._keys(kept).get(key.key_id)
            is_it = proves(key.secret, None if stored is None else stored.secret_hash)
            if stored is not None and is_it and stored.works_at(self._clock()):
                return stored
        return None

    def working(self, key_id: str) -> StoredKey | None:
        """The stored key with this id, if it works now: for a session, whose key was proven when it began."""
        stored = self._keys().get(key_id)
        return stored if stored is not None and stored.works_at(self._clock()) else None

    def _keys(self, kept: float = SECONDS_KEPT) -> Mapping[str, StoredKey]:
        with self._lock:
            if self._read_at is None or self._elapsed() - self._read_at > kept:
                begun = self._elapsed()
                self._known = self._read()
                self._read_at = begun
            return self._known
