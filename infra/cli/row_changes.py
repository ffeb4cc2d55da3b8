"""How differences between rows are shown: one line a column, or as JSON."""

from typing import Any

from infra.serialization import json_value
from projections.diff import RowChange


def change_as_json(change: RowChange, before: str, after: str) -> dict[str, Any]:
    """A changed row; `before` and `after` name the two sides."""
    return {
        "change": change.kind,
        "key": change.key,
        "columns": {column.column: {before: column.before, after: column.after} for column in change.columns},
    }


def sample_rows(table: str, change: RowChange, before: str, after: str) -> list[dict[str, Any]]:
    """A changed row as one line a column; an added or gone one as a single line."""
    row = {"table": table, "change": change.kind, "key": ", ".join(str(json_value(part)) for part in change.key)}
    if change.kind != "changed":
        return [{**row, "column": "", before: "", after: ""}]
    return [{**row, "column": column.column, before: column.before, after: column.after} for column in change.columns]
