"""Readings of the store and the broker: cached for some seconds, and given up after some. They never fail.

A reading runs in a thread of its own, at most one at a time, so whoever asks waits a limited time for a store that
hangs.
"""

import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

QUICK_SECONDS = 0.5
"""How long to wait for a new reading while there is an earlier one: probes have little time."""


class Sampled(NamedTuple, Generic[T]):
    """A reading and its age in seconds; or no value, and why."""

    value: T | None
    age: float = 0.0
    problem: str | None = None


class Sampler(Generic[T]):
    """Reads with `read`, which may raise anything; `explained` puts an error into one line.

    A reading is used again for `fresh` seconds.
    """

    def __init__(
        self,
        read: Callable[[], T],
        explained: Callable[[BaseException], str] = str,
        *,
        fresh: float = 5.0,
        patience: float = 3.0,
    ):
        self._read = read
        self._explained = explained
        self._fresh = fresh
        self._patience = patience
        self._changed = Condition()
        self._began: float | None = None
        self._latest: Sampled[T] | None = None
        self._taken = 0.0

    def __call__(self) -> Sampled[T]:
        """The latest reading; a new one if that is old, unless the new one takes long.

        It waits for at most `patience` seconds, and less if there is an earlier reading. One that takes longer than
        that is a problem, whatever came before.
        """
        with self._changed:
            if self._latest is not None and time.monotonic() - self._taken < self._fresh:
                return self._latest._replace(age=time.monotonic() - self._taken)
            if self._began is None:
                self._began = time.monotonic()
                Thread(target=self._take, name="signals", daemon=True).start()
            began, before = self._began, self._earlier()
            changed = self._changed.wait_for(
                lambda: self._began != began, self._patience if before is None else QUICK_SECONDS
            )
            if changed and self._latest is not None:
                return self._latest
            waited = time.monotonic() - began
            if before is not None and waited < self._patience:
                return before
            return Sampled(None, problem=f"no answer after {waited:.0f} seconds")

    def _earlier(self) -> "Sampled[T] | None":
        """The reading before, if it is not much older than readings are used."""
        age = time.monotonic() - self._taken
        if self._latest is None or age > 2 * (self._fresh + self._patience):
            return None
        return self._latest._replace(age=age)

    def _take(self) -> None:
        try:
            latest = Sampled(self._read())
        except Exception as e:
            # Whatever fails is the answer: the scrape and the probe must not fail with it.
            latest = Sampled(None, problem=self._explained(e))
        with self._changed:
            self._latest, self._taken, self._began = latest, time.monotonic(), None
            self._changed.notify_all()
