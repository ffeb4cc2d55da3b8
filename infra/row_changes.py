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


def sample_rows(kind: str, name: str, change: RowChange, before: str, after: str) -> list[dict[str, Any]]:
    """A changed row of the table or view (`kind`) of this name: a line for each column; one line if added or gone."""
    row = {
        kind: name,
        "change": change.kind,
        "key": ", ".join("–" if part is None else str(json_value(part)) for part in change.key),
    }
    if change.kind != "changed":
        return [{**row, "column": "", before: "", after: ""}]
    # Null is shown, since a column that is empty in every row is left out.
    return [
        {**row, "column": column.column, before: _shown(column.before), after: _shown(column.after)}
        for column in change.columns
    ]


def _shown(value: Any) -> Any:
    return "–" if value is None else value
