"""Who is told while a transaction waits for the store's write lock: a part's pulse, so that /readyz can say it.

SQLite itself waits for the lock, for up to a minute, before anything can be retried.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _tell_nobody(wanted: bool) -> None:
    """For commands: a person waits in front of them."""


_told: ContextVar[Callable[[bool], None]] = ContextVar("lock_waits", default=_tell_nobody)


@contextmanager
def lock_waits_told_to(tell: Callable[[bool], None]) -> Iterator[None]:
    """In this thread, call `tell` with True before a transaction asks for the lock, and with False when it has it."""
    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)


@contextmanager
def wanting_the_lock() -> Iterator[None]:
    """Around what asks for the write lock."""
    tell = _told.get()
    tell(True)
    try:
        yield
    finally:
        tell(False)
