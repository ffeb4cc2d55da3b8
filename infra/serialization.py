"""Conversion of values to JSON and CSV."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from consumers.contract.writing import instant_text
from infra.printable import escape_json

MOST_DIGITS = 100
"""How far from the point a digit of a number may be that is written without an exponent."""


def json_value(value: Any) -> Any:
    """A value for JSON: instants in UTC RFC 3339, decimals as strings, records as objects."""
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, Mapping):
        return {name: json_value(part) for name, part in value.items()}
    if isinstance(value, msgspec.Struct):
        return json_value(msgspec.structs.asdict(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return json_value(value._asdict())
    if isinstance(value, (list, tuple)):
        return [json_value(part) for part in value]
    return value


def _digits(value: Decimal) -> str:
    """The number without an exponent, unless it would have absurdly many digits, as one from a poison message may."""
    plain = value.is_finite() and value.adjusted() < MOST_DIGITS and value.as_tuple().exponent > -MOST_DIGITS  # type: ignore[operator]
    return format(value, "f") if plain else str(value)


def text_and_base64(value: bytes) -> tuple[str, str | None]:
    """Bytes as text, and in base64 if they are not UTF-8: then the text has \\x escapes, and serves only to look at."""
    try:
        return value.decode("utf-8"), None
    except UnicodeDecodeError:
        return value.decode("utf-8", errors="backslashreplace"), base64.b64encode(value).decode("ascii")


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as a JSON document, without characters that control a terminal or reorder text."""
    return escape_json(json.dumps(json_value(value), ensure_ascii=False, indent=indent))


def csv_cell(value: Any) -> Any:
    """A value for CSV: empty for null, and JSON for lists and objects."""
    value = json_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
