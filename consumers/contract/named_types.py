"""Named types: every enumeration and every kind of value has a schema of its own with a title.

Schemas refer to it with $ref, so that programs that write code from the contract give it a name.
"""

from collections.abc import Mapping
from typing import Any, get_args

from consumers.contract.envelope import MEDIA_TYPE_SCHEMA, SOURCE_SCHEMA
from consumers.contract.expedites import InformedAbout, Requester
from consumers.contract.people import ContactAbout, ContactDirection
from consumers.contract.values import (
    AMOUNT_SCHEMA,
    CURRENCY_SCHEMA,
    DATE_SCHEMA,
    DAY_OR_INSTANT_SCHEMA,
    DAYS_SCHEMA,
    DECIMAL_SCHEMA,
    ID_SCHEMA,
    INSTANT_SCHEMA,
    LEAD_DAYS_SCHEMA,
    LINE_SCHEMA,
    MONTH_DAY_SCHEMA,
    MONTH_SCHEMA,
    TEXT_SCHEMA,
    TIME_ZONE_SCHEMA,
    WEEKDAY_SCHEMA,
)
from domain.order.events import Channel, LineKind, Mode, Segment
from domain.rep.events import Level

Schema = dict[str, Any]

_VALUES: tuple[tuple[str, Mapping[str, Any], str], ...] = (
    ("Id", ID_SCHEMA, "An id or a name: 1 to 200 characters, without control characters and noncharacters."),
    ("Source", SOURCE_SCHEMA, "The id of a system other than Waybill itself."),
    ("Text", TEXT_SCHEMA, "Any text without NUL; line breaks are allowed."),
    ("MediaType", MEDIA_TYPE_SCHEMA, "The media type of JSON data, with or without parameters."),
    ("Instant", INSTANT_SCHEMA, "An RFC 3339 instant with an offset, of a day that exists; kept to the microsecond."),
    (
        "DayOrInstant",
        DAY_OR_INSTANT_SCHEMA,
        "An RFC 3339 instant with an offset, or a date alone, of a day that exists.",
    ),
    ("Date", DATE_SCHEMA, "A day of the calendar that exists, such as 2026-03-09."),
    ("Month", MONTH_SCHEMA, "A calendar month, such as 2026-03."),
    ("TimeZone", TIME_ZONE_SCHEMA, "A time zone by its name in the IANA database, such as Europe/Berlin."),
    ("Decimal", DECIMAL_SCHEMA, "A decimal as text or number, at most 15 digits before the point."),
    ("Amount", AMOUNT_SCHEMA, "A decimal of 0 or more as text or number, at most 15 digits before the point."),
    ("LineId", LINE_SCHEMA, 'The id of an order line: an integer from 0, or an id; 1 and "1" are one line.'),
    ("Days", DAYS_SCHEMA, "A number of days, at least 1."),
    ("LeadDays", LEAD_DAYS_SCHEMA, "A number of days, at least 0."),
    ("MonthDay", MONTH_DAY_SCHEMA, "A day of the month."),
    ("Weekday", WEEKDAY_SCHEMA, "A weekday: 1 (Monday) to 7 (Sunday), or its English name in any case."),
    ("Currency", CURRENCY_SCHEMA, "A currency's code of ISO 4217."),
)
_ENUMERATIONS: tuple[tuple[str, Any, str], ...] = (
    ("Segment", Segment, "Whether a business (b2b) or a consumer (b2c) orders."),
    ("Channel", Channel, "The channel of an order."),
    ("Mode", Mode, "How goods reach the customer."),
    ("LineKind", LineKind, "Goods, which are delivered, or a charge, which is not."),
    ("Level", Level, "A rep's level."),
    ("Requester", Requester, "Who asked for a faster delivery."),
    ("InformedAbout", InformedAbout, "What a customer was informed about."),
    ("ContactDirection", ContactDirection, "Who called whom."),
    ("ContactAbout", ContactAbout, "What a rep and a customer talked about."),
)

NAMED_TYPES: Mapping[str, Schema] = {
    **{name: {"title": name, "description": said, **schema} for name, schema, said in _VALUES},
    **{
        name: {"title": name, "description": said, "type": "string", "enum": list(get_args(values))}
        for name, values, said in _ENUMERATIONS
    },
}
"""Name to schema."""

_PROSE = ("title", "description")
_NULL = {"type": "null"}


def _content(schema: Mapping[str, Any]) -> Schema:
    return {name: value for name, value in schema.items() if name not in _PROSE}


_BY_CONTENT = [(_content(schema), name) for name, schema in NAMED_TYPES.items()]


def with_named_types(schemas: Mapping[str, Schema], ref_template: str) -> dict[str, Schema]:
    """The schemas with a reference in place of each named type, and the named types that they use.

    `ref_template` is the location of the schemas, such as "#/$defs/{model}".
    """
    used: set[str] = set()

    def named(part: Any) -> Any:
        if isinstance(part, list):
            return [named(each) for each in part]
        if not isinstance(part, dict):
            return part
        content = _content(part)
        prose = {name: part[name] for name in _PROSE if isinstance(part.get(name), str)}
        for schema, name in _BY_CONTENT:
            if content == schema:
                used.add(name)
                return {"$ref": ref_template.format(model=name), **prose}
            options = schema.get("anyOf", [schema])
            if content == {"anyOf": [*options, _NULL]}:
                used.add(name)
                return {"anyOf": [{"$ref": ref_template.format(model=name)}, _NULL], **prose}
        return {key: named(value) for key, value in part.items()}

    found = {name: named(schema) for name, schema in schemas.items()}
    return {**found, **{name: dict(schema) for name, schema in NAMED_TYPES.items() if name in used}}
