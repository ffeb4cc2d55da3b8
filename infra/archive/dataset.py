"""What a dataset of an archive is: its kind, which says how a reader puts its files together, and its columns.

See docs/decisions/033-archive.md; the datasets are in infra/archive/datasets.py.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from infra.archive.manifest import Column


class Kind(StrEnum):
    """How the rows of a dataset's files belong together."""

    APPENDED = "appended"
    """All rows of all files. Rows never change."""
    CHANGED = "changed"
    """Of the rows with one key, that of the newest run counts. If it is `deleted`, there is none.

    A run may have the same row several times.
    """
    WHOLE = "whole"
    """All rows of all files, all of the newest run: each run writes them anew."""


class Type:
    """The Arrow types of columns, as their names are written in the manifest."""

    TEXT = "string"
    WHOLE = "int64"
    BOOLEAN = "bool"
    INSTANT = "timestamp[us, tz=UTC]"
    BYTES = "binary"
    RATE = "decimal128(38, 12)"


DELETED = "deleted"
"""The column of a dataset of changed rows that says that the store has the row no more."""


@dataclass(frozen=True)
class Dataset:
    """A dataset. `key` are the columns by which its rows differ, and `buckets` says whether it has buckets of streams.

    One that is appended has months of recording. `position` is the column by whose order its rows were written.
    """

    name: str
    kind: Kind
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    buckets: bool = False
    position: str | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def text_column(name: str, meaning: str) -> Column:
    """Text, never null."""
    return Column(name, Type.TEXT, False, meaning)


def whole_column(name: str, meaning: str) -> Column:
    """A whole number of 64 bits."""
    return Column(name, Type.WHOLE, False, meaning)


def instant_column(name: str, meaning: str) -> Column:
    """An instant in UTC, to the microsecond."""
    return Column(name, Type.INSTANT, False, meaning)


def boolean_column(name: str, meaning: str) -> Column:
    """True or false."""
    return Column(name, Type.BOOLEAN, False, meaning)


def bytes_column(name: str, meaning: str) -> Column:
    """Bytes as they are."""
    return Column(name, Type.BYTES, False, meaning)


def or_null(column: Column) -> Column:
    """The same column, which may be null."""
    return Column(column.name, column.type, True, column.meaning)


def changed_columns(*columns: Column, key: tuple[str, ...]) -> tuple[Column, ...]:
    """Columns with `deleted`: where that is true, all but the key's are null."""
    deleted = boolean_column(DELETED, "Whether the store has the row no more; then all columns but the key's are null.")
    return (*(column if column.name in key else or_null(column) for column in columns), deleted)
