"""Opens an SQLite file for reading, which writes nothing that could be avoided, on a full disk too."""

import sqlite3
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

C = TypeVar("C", bound=sqlite3.Connection)


def open_to_read(path: Path, timeout_seconds: float, factory: type[C], *, in_use: bool, **options: Any) -> C:
    """A connection of class `factory`; `options` are those of sqlite3.connect.

    `in_use`: a process may write to the file, so its readers share a file (-shm) for coordination. Otherwise it is read
    as immutable, without locks. On a full disk, SQLite may have no room for that file. If no process has the store
    open, reading does without it: SQLite then reads the newest changes (-wal) into memory.
    """

    def opened(option: str) -> C:
        location = f"file:{quote(str(path))}?mode=ro{option}"
        return sqlite3.connect(location, uri=True, timeout=timeout_seconds, factory=factory, **options)

    if not in_use:
        return opened("&immutable=1")
    connection = opened("")
    # Other failures show in the question itself.
    if failure_of(connection) != sqlite3.SQLITE_IOERR_SHMSIZE:
        return connection
    connection.close()
    return opened("&readonly_shm=1")


def failure_of(connection: sqlite3.Connection) -> int | None:
    """SQLite's code of what the first question fails with; None if it is answered."""
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as e:
        return getattr(e, "sqlite_errorcode", None)
    return None
