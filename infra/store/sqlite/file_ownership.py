"""Recognises SQLite files: a Waybill store, a new file, or another program's database, which stays unchanged.

A store has an application id in its file header. Stores of versions up to 0004 do not; they are recognised by their
tables and columns. Table names alone prove nothing: other programs also have tables named `messages` or `feeds`.

A store is read through SQLite alone. If a process closes any descriptor of a file, POSIX takes away all its locks of
that file. Other processes then remove the log (-wal) of a store that this one has open, and its commits are lost.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from infra.store.sqlite.reading import open_to_read

APPLICATION_ID = int.from_bytes(b"WAYB")
"""The application id of a store."""
OWNER_ALONE = 0o600
LOCK_TIMEOUT_SECONDS = 60

# Source: "Database File Format", section 1.3, of SQLite's documentation.
_MAGIC = b"SQLite format 3\x00"
_APPLICATION_ID_AT = 68

# The tables and columns of every store since the first released version. Migrations may have added columns.
TABLES: Mapping[str, frozenset[str]] = {
    "stored_events": frozenset(("originator_id", "originator_version", "topic", "state")),
    "feeds": frozenset(("feed_id", "topic", "partition", "next_offset", "bytes_read", "crc", "opened_at")),
    "messages": frozenset(("source", "message_id", "subject", "stream", "verdict", "reason", "received_at")),
    "raw_messages": frozenset(("source", "message_id", "subject", "body", "headers")),
}


class NotAStoreError(Exception):
    """The file is not a Waybill store; the message says what to do."""


def begin_store(path: Path, lock_timeout_seconds: float) -> None:
    """Mark a missing or empty file as a new store that only its owner can access; other files stay unchanged.

    The mark is written first, so that a half-created store is recognised after a crash. SQLite gives its additional
    files (-wal, -shm, -journal) the store's mode.
    """
    with suppress(PermissionError):  # SQLite's own message says more
        with suppress(FileExistsError):
            # Only a file that nobody has open yet; realpath, because O_EXCL does not follow a link.
            new = os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC
            os.close(os.open(os.path.realpath(path), new, OWNER_ALONE))
        if path.stat().st_size:
            return
        with closing(sqlite3.connect(path, timeout=lock_timeout_seconds, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _is_ours(connection):
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("COMMIT")


def expect_ours(path: Path) -> None:
    """Raise NotAStoreError for another program's file, and sqlite3.Error for an unreadable one.

    It changes nothing and creates no additional files.
    """
    if _application_id(path) == APPLICATION_ID:
        return
    with closing(_reading(path, "-wal", "-journal")) as connection:
        if not _is_ours(connection):
            raise NotAStoreError(
                f"{path} is not a Waybill store but a database of another program; name another file (WAYBILL_STORE)"
            )


def _application_id(path: Path) -> int:
    """The mark in the file's header. Raises NotAStoreError if the file is no SQLite database."""
    try:
        # An interrupted change (-journal) is no hindrance: only a process that writes can undo it.
        with closing(_reading(path, "-wal")) as connection:
            return int(connection.execute("PRAGMA application_id").fetchone()[0])
    except sqlite3.DatabaseError as e:
        if e.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        header = _header(path)
        if header.startswith(_MAGIC):
            # A damaged database: whoever reads it says so.
            return int.from_bytes(header[_APPLICATION_ID_AT:][:4])
        raise NotAStoreError(
            f"{path} is neither a Waybill store nor an SQLite database; name another file (WAYBILL_STORE), "
            "or restore this one if it was a store"
        ) from e


def _header(path: Path) -> bytes:
    """Only for a file that SQLite cannot read, and so has no locks of."""
    with path.open("rb") as file:
        return file.read(100)


def _reading(path: Path, *signs_of_use: str) -> sqlite3.Connection:
    """A connection that changes nothing, and creates no additional files if no process writes to the database.

    That one does is seen by the file of one of these suffixes.
    """
    in_use = any(path.with_name(path.name + suffix).exists() for suffix in signs_of_use)
    return open_to_read(path, LOCK_TIMEOUT_SECONDS, sqlite3.Connection, in_use=in_use)


def _is_ours(connection: sqlite3.Connection) -> bool:
    application_id, user_version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application_id or user_version:
        return bool(application_id == APPLICATION_ID)
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return True
    return all(columns <= _columns_of(connection, table) for table, columns in TABLES.items())


def _columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """Without views."""
    found = connection.execute(
        "SELECT c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name = ?",
        (table,),
    )
    return {name for (name,) in found}
