"""Writing back: turns a fact into the message that states it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from consumers.contract.catalogue import CATALOGUE, OWN_TYPES
from domain.fact import Fact
from domain.order.events import line_number_or_id


def to_cloud_event(fact: Fact, subject: str) -> dict[str, Any]:
    """The message that states a fact of this subject, in structured JSON: decimals as text, instants in UTC.

    Read with `honour_recordedtime`, it gives an equal fact again (except for stream and version). Absent fields stay
    absent; null is written only if it clears a field. Waybill's own types are written too; any other raises KeyError.
    """
    row = CATALOGUE.get(fact.TYPE) or OWN_TYPES[fact.TYPE]
    message: dict[str, Any] = {
        "specversion": "1.0",
        "id": fact.message_id,
        "source": fact.source,
        "type": row.name,
        "time": instant_text(fact.occurred_at),
        "subject": subject,
    }
    if fact.correlation_id is not None:
        message["correlationid"] = fact.correlation_id
    if fact.causation_id is not None:
        message["causationid"] = fact.causation_id
    if fact.traceparent is not None:
        message["traceparent"] = fact.traceparent
    message["recordedtime"] = instant_text(fact.recorded_at)
    message["data"] = {
        name: _json(value)
        for name, attribute in row.fields
        if (value := getattr(fact, attribute)) is not msgspec.UNSET and (value is not None or row.null_clears)
    }
    return message


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with a Z; microseconds only if there are any."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return {name: _row_field(value, name) for name in value.__struct_fields__ if _is_said(value, name)}
    return value


def _row_field(row: msgspec.Struct, name: str) -> Any:
    value = getattr(row, name)
    return line_number_or_id(value) if name == "line" else _json(value)


def _is_said(row: msgspec.Struct, name: str) -> bool:
    value = getattr(row, name)
    return value is not None and (name != "kind" or value != "goods")
