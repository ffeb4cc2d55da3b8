"""The small cases of ../shared/cases: messages of a fresh store, and the true answer of one view."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tests.integration.command import ROOT
from tests.oracle.floor import KEYS

FOLDER = ROOT.parent / "shared" / "cases"
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One case. `rows` are all that the view has, with the columns that matter here."""

    name: str
    view: str
    as_of: datetime
    rows: Sequence[Row]
    ignored: dict[str, list[str]]
    """By message id, the fields that the message's answer names as ignored."""

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> list[bytes]:
        return (FOLDER / f"{self.name}.jsonl").read_bytes().splitlines()

    @property
    def messages(self) -> list[Row]:
        return [json.loads(line) for line in self.lines]

    def expect(self, found: Sequence[Row]) -> None:
        """The same rows in any order, values by value."""
        key = [name for name in KEYS.get(self.view, ("order_id",)) if all(name in row for row in self.rows)]
        answered = {tuple(row[name] for name in key): row for row in found}
        expected = {tuple(row[name] for name in key): row for row in self.rows}
        assert len(answered) == len(found)
        assert answered.keys() == expected.keys()
        differing = {
            (key, name): (answered[key].get(name, "no such column"), value)
            for key, row in expected.items()
            for name, value in row.items()
            if not _same(answered[key].get(name, "no such column"), value)
        }
        assert not differing, "(found, expected)"


def cases() -> list[Case | None]:
    """All of them; one None, for a test to skip with, where the folder is absent."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.json"))]
    return [*found] or [None]


def _read(path: Path) -> Case:
    told = json.loads(path.read_bytes())
    as_of = datetime.fromisoformat(told["as_of"])
    return Case(path.stem, told["view"], as_of, told["rows"], told.get("ignored", {}))


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, str) and isinstance(expected, str):
        for read in (Decimal, datetime.fromisoformat):
            try:
                return bool(read(found) == read(expected))
            except (ValueError, InvalidOperation):
                continue
    return bool(found == expected)
