"""What reads differently today: the rows of an answer as known at an instant, compared with those of today's knowledge.

Pure: it takes two answers to one question at the same `as_of`. Pages mark with it what a correction changed:

    differing = differences(view.key, shown=then.rows, today=now.rows)
    differing.row(row)              -> whether this row, shown, reads otherwise today, or is no row today
    differing.cell(row, "carrier")  -> whether this value does
    differing.today(row)            -> the row as it reads today; None if there is none
    differing.missing               -> rows of today that were not known then
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.diff import diff

AnswerRow = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Differences:
    """How the rows shown differ from today's, by the values of the key columns."""

    key: Sequence[str]
    changed: Mapping[Key, frozenset[str]]
    """Of the rows shown: the columns that read otherwise today; all of them if today there is no such row."""
    gone: frozenset[Key]
    """Of the rows shown: those that are no rows today."""
    missing: Sequence[AnswerRow]
    """The rows of today that are not shown, in today's order."""
    todays: Mapping[Key, AnswerRow]

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing)

    def row(self, row: AnswerRow) -> bool:
        return self._key(row) in self.changed

    def cell(self, row: AnswerRow, column: str) -> bool:
        return column in self.changed.get(self._key(row), frozenset())

    def today(self, row: AnswerRow) -> AnswerRow | None:
        return self.todays.get(self._key(row))

    def _key(self, row: AnswerRow) -> Key:
        return tuple(row[name] for name in self.key)


def differences(key: Sequence[str], shown: Sequence[AnswerRow], today: Sequence[AnswerRow]) -> Differences:
    """Compare two answers with the same columns. Raises ValueError if two rows of one side have the same key.

    For a page of rows, `today` may be the rows with the same keys alone: then nothing is `missing`.
    """
    names = list(next(iter((*shown, *today)), {}))

    def key_of(row: AnswerRow) -> Key:
        return tuple(row[name] for name in key)

    def values(rows: Sequence[AnswerRow]) -> list[Key]:
        return [tuple(row[name] for name in names) for row in rows]

    changes = diff(names, key, values(shown), values(today)) if names else []
    added = {change.key for change in changes if change.kind == "added"}
    return Differences(
        key=key,
        changed={
            change.key: frozenset(column.column for column in change.columns)
            for change in changes
            if change.kind != "added"
        },
        gone=frozenset(change.key for change in changes if change.kind == "gone"),
        missing=[row for row in today if key_of(row) in added],
        todays={key_of(row): row for row in today},
    )
