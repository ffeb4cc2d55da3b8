"""Named failures: a full disk, a damaged store and a lack of memory, whichever library reports them."""

import errno
import sqlite3
from collections.abc import Iterator
from enum import Enum

from sqlalchemy.exc import DBAPIError

from infra.store.driver_errors import is_postgres_error


class Failure(Enum):
    """A failure with a name; `value` is what happened, `remedy` what to do."""

    FULL_DISK = "the disk is full"
    DAMAGED = "the store is damaged"
    OUT_OF_MEMORY = "out of memory"
    DISK = "the disk cannot be read or written"

    @property
    def remedy(self) -> str:
        return _REMEDIES[self]


_REMEDIES = {
    Failure.FULL_DISK: "Make room on it, then run the same command again.",
    Failure.DAMAGED: (
        "Keep a copy of the store as it is; then restore a backup, or ingest the messages again into a new store "
        "(WAYBILL_STORE)."
    ),
    Failure.OUT_OF_MEMORY: (
        "Give it more memory, or use smaller batches (WAYBILL_BATCH_MESSAGES, WAYBILL_BATCH_EVENTS), then run the same "
        "command again."
    ),
    Failure.DISK: "Check the disk and its file system, then run the same command again.",
}

# Source: PostgreSQL's documentation, appendix A, error codes.
_OF_STATES = {
    "53100": Failure.FULL_DISK,
    "53200": Failure.OUT_OF_MEMORY,
    "58030": Failure.DISK,
    "XX001": Failure.DAMAGED,  # data corrupted
    "XX002": Failure.DAMAGED,  # index corrupted
}
# Source: "Result and Error Codes" of SQLite's documentation. The extended codes come first: SQLite reports a lack of
# memory, or of room for the shared file, as a disk failure.
_OF_SQLITE = {
    sqlite3.SQLITE_IOERR_NOMEM: Failure.OUT_OF_MEMORY,
    sqlite3.SQLITE_IOERR_SHMSIZE: Failure.FULL_DISK,
    sqlite3.SQLITE_FULL: Failure.FULL_DISK,
    sqlite3.SQLITE_CORRUPT: Failure.DAMAGED,
    sqlite3.SQLITE_NOTADB: Failure.DAMAGED,
    sqlite3.SQLITE_NOMEM: Failure.OUT_OF_MEMORY,
    sqlite3.SQLITE_IOERR: Failure.DISK,
}
_OF_ERRNO = {
    errno.ENOSPC: Failure.FULL_DISK,
    errno.EDQUOT: Failure.FULL_DISK,
    errno.ENOMEM: Failure.OUT_OF_MEMORY,
    errno.EIO: Failure.DISK,
}
_PRIMARY_CODE = 0xFF
# The interpreter's error when there is not even memory for the exception.
_NO_EXCEPTION = "without"
_DAMAGED_SCHEMA = b"malformed database schema"
_NOT_UTF8 = "Could not decode to UTF-8"


def failure_of(error: BaseException) -> Failure | None:
    """The named failure behind an error; None if there is none."""
    return next((failure for cause in _causes(error) if (failure := _named(cause)) is not None), None)


def reason_of(error: BaseException) -> str:
    """One line: the failure's name, if it has one, and the driver's message without the statement."""
    failure, said = failure_of(error), _said(error)
    return said if failure is None or failure.value in said else f"{failure.value} ({said})"


def _said(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error.__cause__ or error
    return str(original).partition("\n")[0] or type(original).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = (cause.orig if isinstance(cause, DBAPIError) else None) or cause.__cause__


def _named(error: BaseException) -> Failure | None:
    if isinstance(error, MemoryError) or (isinstance(error, SystemError) and _NO_EXCEPTION in str(error)):
        return Failure.OUT_OF_MEMORY
    if isinstance(error, UnicodeDecodeError) and _DAMAGED_SCHEMA in error.object:
        return Failure.DAMAGED  # of the driver's message, which quotes the damaged text
    if is_postgres_error(error):
        return _OF_STATES.get(error.sqlstate or "")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            # The driver's own errors have no code. We store only UTF-8, so other text is damage.
            return Failure.DAMAGED if str(error).startswith(_NOT_UTF8) else None
        return _OF_SQLITE.get(code) or _OF_SQLITE.get(code & _PRIMARY_CODE)
    if isinstance(error, OSError):
        return _OF_ERRNO.get(error.errno or 0)
    return None
