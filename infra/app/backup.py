"""Backup: a copy of an SQLite store, taken while it runs, and checked before it gets its name."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from errno import EEXIST
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from infra.settings import Settings
from infra.store.newest_version import VERSION_TABLE
from infra.store.opening import LOCK_TIMEOUT_SECONDS, NoStoreError
from infra.store.pruned import pruned_streams
from infra.store.restoring import RESTORING, StoreRestoringError
from infra.store.sqlite.file_ownership import OWNER_ALONE, expect_ours

PAGES_AT_ONCE = 2_000
"""How many pages are copied before the progress is told: 8 MB with pages of 4 KiB."""

OnPages = Callable[[int, int], None]
"""Called with the pages that are copied, and all pages."""


class Backup(NamedTuple):
    """A backup: its file, its size, the version of its schema, and the position of its newest event.

    Of `pruned_orders` it has the rows and no events: these are in an archive.
    """

    file: str
    bytes: int
    store_version: str | None
    position: int
    pruned_orders: int = 0


class NoFileStoreError(ValueError):
    """The store is not a file; the message names the tools that back it up."""


class DamagedBackupError(Exception):
    """The copy is not sound, so it was not kept; the message says what SQLite found."""


def back_up(settings: Settings, file: Path, on_pages: OnPages = lambda done, total: None) -> Backup:
    """Copy the store as it is at one moment; writers go on meanwhile.

    The store may have an older version than this code. Raises NoFileStoreError for PostgreSQL, NoStoreError,
    NotAStoreError, FileExistsError (nothing is overwritten), DamagedBackupError, and StoreRestoringError.
    """
    store = settings.sqlite_path
    if store is None:
        raise NoFileStoreError(
            "the store is PostgreSQL; back it up with its own tools: pg_dump for a copy, pg_basebackup with archived "
            "WAL for every instant (docs/backup.md)"
        )
    source, file = Path(store).absolute(), file.absolute()
    if not source.is_file() or not source.stat().st_size:
        raise NoStoreError(settings.store)
    expect_ours(source)
    if file.exists():
        raise FileExistsError(EEXIST, "the file exists, and a backup overwrites nothing", str(file))
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, OWNER_ALONE))
        _copy(source, part, on_pages)
        made = _checked(part)
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        _name(part, file)
    finally:
        for left in (part, part.with_name(part.name + "-wal"), part.with_name(part.name + "-shm")):
            left.unlink(missing_ok=True)
    return made._replace(file=str(file), bytes=file.stat().st_size)


def _name(part: Path, file: Path) -> None:
    """Give the copy its name. Unlike a rename, a link fails if another process made the file meanwhile."""
    try:
        os.link(part, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        part.rename(file)


def _copy(source: Path, target: Path, on_pages: OnPages) -> None:
    reading = sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=LOCK_TIMEOUT_SECONDS)
    with closing(reading), closing(sqlite3.connect(target)) as writing:
        # One transaction: without it, each write of another process would start the copy again.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(
            writing, pages=PAGES_AT_ONCE, progress=lambda _, left, total: on_pages(total - left, total), sleep=0
        )
        reading.rollback()


def _checked(copy: Path) -> Backup:
    """What is in the copy. Raises DamagedBackupError, and NotAStoreError."""
    expect_ours(copy)
    with closing(sqlite3.connect(copy)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
        if found != ["ok"]:
            raise DamagedBackupError(f"the copy of the store is damaged, and so may the store be: {'; '.join(found)}")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = (
            connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
            if VERSION_TABLE in tables
            else None
        )
        position = connection.execute("SELECT coalesce(max(rowid), 0) FROM stored_events").fetchone()[0]
        pruned = 0
        if pruned_streams.name in tables:
            pruned = connection.execute(f"SELECT count(*) FROM {pruned_streams.name}").fetchone()[0]
    if version is not None and version[0] == RESTORING:
        raise StoreRestoringError
    return Backup("", 0, None if version is None else version[0], position, pruned)
