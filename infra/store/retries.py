"""Outages of the store: which failures are transient, and retrying them."""

import sqlite3
from collections.abc import Callable
from functools import wraps
from threading import Event
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import structlog
from eventsourcing.persistence import PersistenceError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential
from tenacity.nap import sleep_using_event

from infra.store.driver_errors import is_connection_failure, is_postgres_error, is_postgres_failure, postgres_errors

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0

# Source: PostgreSQL's documentation, appendix A, error codes. Their meaning here: a transaction conflicted with another
# one, a lock or a statement took too long, the server ended a session, restarts or is full.
PASSING_STATES = frozenset(
    (
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "55P03",  # lock not available
        "57014",  # query canceled
        "25P03",  # idle in transaction session timeout
        "57P05",  # idle session timeout
        "57P01",  # admin shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now
        "53300",  # too many connections
    )
)
CONNECTION_CLASS = "08"
_NOT_UP_YET = (
    "connection refused",
    "the database system is",
    "server closed the connection",
    "terminating connection",
    "too many clients",
    "remaining connection slots",
    "lock timeout",
)

T = TypeVar("T")
P = ParamSpec("P")


def store_failures() -> tuple[type[Exception], ...]:
    """What work on the store raises when the store fails. Not all of them pass: see `passes`."""
    return (PersistenceError, DBAPIError, PoolTimeoutError, sqlite3.Error, *postgres_errors())


def passes(error: BaseException) -> bool:
    """Whether the same work may succeed a little later: the store is unavailable, restarts, or is blocked by others.

    It also passes that all connections of this process are in use.
    """
    if isinstance(error, PoolTimeoutError):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if is_postgres_error(cause):
        state = cause.sqlstate
        if state is not None:
            return state in PASSING_STATES or state.startswith(CONNECTION_CLASS)
        return is_connection_failure(cause)
    if isinstance(cause, sqlite3.OperationalError):
        # The driver's own errors, such as for a text that it cannot decode, have no code.
        code: int = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def is_wrong_sql(error: BaseException) -> bool:
    """Whether the store could not parse a statement: then the statement is wrong, whichever store it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if is_postgres_error(cause):
        return cause.sqlstate == "42601"  # syntax error
    return isinstance(cause, sqlite3.OperationalError) and str(cause).endswith("syntax error")


def is_the_stores_own(error: BaseException) -> bool:
    """Whether the store itself failed (unavailable, full, read-only), and not the data to write."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return is_postgres_failure(cause) or isinstance(
        cause, sqlite3.OperationalError | sqlite3.InternalError | OSError | PersistenceError | PoolTimeoutError
    )


def may_come_up(error: BaseException) -> bool:
    """Whether a store that could not be opened may come up. A wrong password does not fix itself."""
    said = str(error).lower()
    return isinstance(error, PersistenceError | DBAPIError) and any(words in said for words in _NOT_UP_YET)


class RetryPolicy:
    """Retries work after transient failures, with growing pauses, for this many seconds in a row.

    When the time is up or the stop is set, it raises the last failure. Work must be whole transactions and idempotent:
    if a commit succeeds but its answer is lost, the work runs again, so it has to recognise what it did (see
    infra/store/operator_log.py for operators' acts). `on_retry` is called with the reason before each pause.
    """

    def __init__(
        self,
        seconds: float,
        stop: Event | None = None,
        reason: Callable[[BaseException], bool] = passes,
        on_retry: Callable[[str], None] = lambda reason: None,
    ):
        self._seconds = seconds
        self._stop = stop or Event()
        self._reason = reason
        self._on_retry = on_retry
        self._log = structlog.get_logger(__name__)

    def __call__(self, work: Callable[[], T]) -> T:
        attempts = Retrying(
            retry=retry_if_exception(lambda error: self._reason(error) and not self._stop.is_set()),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            stop=stop_after_delay(self._seconds),
            sleep=sleep_using_event(self._stop),
            before_sleep=self._tell,
            reraise=True,
        )
        return attempts(work)

    def _tell(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome is not None else None
        reason = str(getattr(failure, "orig", None) or failure).splitlines()[0]
        self._on_retry(reason)
        self._log.warning(
            "store_unavailable",
            reason=reason,
            attempt=state.attempt_number,
            tries_again_in=round(state.upcoming_sleep, 2),
        )


class HasRetry(Protocol):
    """A port to the store whose methods retry during outages."""

    @property
    def retry(self) -> RetryPolicy:
        """Its retry policy."""


S = TypeVar("S", bound=HasRetry)


def retried(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Decorates a method that is one whole transaction: it is retried by the port's policy."""

    @wraps(method)
    def retrying(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.retry(lambda: method(self, *args, **kwargs))

    return retrying
