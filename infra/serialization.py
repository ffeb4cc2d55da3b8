"""Conversion of values to JSON and CSV."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from infra.printable import escape_json


def json_value(value: Any) -> Any:
    """A value for JSON: instants in UTC RFC 3339, decimals as strings, records as objects."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: json_value(part) for name, part in value.items()}
    if isinstance(value, msgspec.Struct):
        return json_value(msgspec.structs.asdict(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return json_value(value._asdict())
    if isinstance(value, (list, tuple)):
        return [json_value(part) for part in value]
    return value


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as a JSON document, without characters that control a terminal or reorder text."""
    return escape_json(json.dumps(json_value(value), ensure_ascii=False, indent=indent))


def csv_cell(value: Any) -> Any:
    """A value for CSV: empty for null, and JSON for lists and objects."""
    value = json_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
