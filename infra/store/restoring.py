"""A store in the middle of a restore: its mark, and how far the restore has come.

The mark stands where every process looks before it uses a store: in place of the version of the schema, and in place of
the last stream settled again. So no process asks or writes, not even one of earlier code, until the store is whole.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)

from domain.checkpoint import CheckpointMovedError
from domain.rules_version import RULES_VERSION
from infra.store.newest_version import VERSION_TABLE
from infra.store.opening import StoreVersionError
from infra.store.register.tables import store_rules

RESTORING = "restoring"
"""The mark. No version and no stream is called so."""

# They are there until the restored store has its views.
_metadata = MetaData()
restoration = Table(
    "restoration",
    _metadata,
    Column("archive_id", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("store_version", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
)
restored_files = Table(
    "restored_files",
    _metadata,
    Column("path", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)


class StoreRestoringError(StoreVersionError):
    """The store is in the middle of a restore; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "the store is being restored from an archive and is not whole yet: wait for waybill restore, or run the "
            "same waybill restore again if it was interrupted"
        )


class Restoration(NamedTuple):
    """A restore that has begun: from which archive and number, and the last event that it has restored.

    `store_version` is that of the archived store, whose tables the store has. `is_open`: everything is restored and the
    store can be used; only views may be missing.
    """

    archive_id: str
    number: int
    store_version: str
    position: int
    is_open: bool


def restoration_of(connection: Connection) -> Restoration | None:
    """The restore that the store is in; None if there is none."""
    if not inspect(connection).has_table(restoration.name):
        return None
    row = connection.execute(select(*(restoration.c[name] for name in Restoration._fields))).one_or_none()
    return None if row is None else Restoration(*row)


def begin_restoration(connection: Connection, archive_id: str, number: int, store_version: str) -> None:
    """Mark an empty store that has the tables of this version."""
    _metadata.create_all(connection)
    for table in (restoration, restored_files):
        connection.execute(delete(table))
    begun = Restoration(archive_id, number, store_version, 0, is_open=False)
    connection.execute(insert(restoration).values(begun._asdict()))
    connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{RESTORING}'"))
    connection.execute(update(store_rules).values(version=RULES_VERSION, resettled_to=RESTORING))


def rows_restored(connection: Connection) -> Mapping[str, int]:
    """How many rows of each file were restored, by path; without files of events."""
    return {row.path: row.rows for row in connection.execute(select(restored_files))}


def move_position(connection: Connection, start: int, end: int) -> None:
    """A compare-and-set: of two processes that restore the same rows, one fails here and writes nothing."""
    moved = connection.execute(update(restoration).where(restoration.c.position == start).values(position=end))
    if moved.rowcount != 1:
        raise CheckpointMovedError(f"another process has moved the restore on from {start}")


def move_file(connection: Connection, path: str, start: int, end: int) -> None:
    """The same for the rows of a file."""
    done = restored_files.c
    if not start:
        connection.execute(insert(restored_files).values(path=path, rows=end))
        return
    moved = connection.execute(update(restored_files).where(done.path == path, done.rows == start).values(rows=end))
    if moved.rowcount != 1:
        raise CheckpointMovedError(f"another process has moved the restore of {path} on from {start}")


def open_restored(connection: Connection, store_version: str, rules_version: int) -> None:
    """Take the mark away: from this commit on the store can be used."""
    connection.execute(update(restoration).values(is_open=True))
    connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = :version"), {"version": store_version})
    connection.execute(update(store_rules).values(version=rules_version, resettled_to=None))


def end_restoration(connection: Connection) -> None:
    """Forget the restore, at its end."""
    _metadata.drop_all(connection)
