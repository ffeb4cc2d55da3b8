"""The types of single values on the wire: what each may be, and what it is once read.

Every type is an `Annotated` one whose single check is a small function, so that a message is checked in one pass and
its values go into the event as they come out. A check raises `PydanticCustomError` with a sentence that begins with
"must"; the value itself is added where the reason is worded (`consumers.contract.problems`).
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.currency import MINOR_UNITS
from domain.order.events import UNSET

MAX_ID_LENGTH = 200
MAX_LINE = 1_000_000_000
DIGITS_BEFORE_POINT = 15
DIGITS_AFTER_POINT = 6

VALUE_IS_WRONG = "value_is_wrong"
"""A value breaks a bound of its own; the reason shows it."""

WHOLE_IS_WRONG = "whole_is_wrong"
"""Values that are right one by one do not go together; there is no single value to show."""


class WireModel(BaseModel):
    """An object on the wire. Fields that the contract does not name are ignored: an upstream may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def must(rule: str) -> PydanticCustomError:
    """The objection to one value, such as must("be text")."""
    return PydanticCustomError(VALUE_IS_WRONG, "must {rule}", {"rule": rule})


def must_together(rule: str) -> PydanticCustomError:
    """The objection to values that do not go together."""
    return PydanticCustomError(WHOLE_IS_WRONG, "must {rule}", {"rule": rule})


STAYS: Any = UNSET
"""Default of a field that stays as it is when a message leaves it out; it stands outside of what can be sent."""


# -- text ----------------------------------------------------------------------------------------


def check_id(value: object) -> str:
    if not isinstance(value, str):
        raise must("be text")
    if not 0 < len(value) <= MAX_ID_LENGTH:
        raise must(f"have 1 to {MAX_ID_LENGTH} characters")
    if not value.isprintable():
        raise must("have printable characters only")
    return value


def check_text(value: object) -> str:
    if not isinstance(value, str):
        raise must("be text")
    if "\0" in value:
        raise must("be without NUL characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise must("be whole Unicode characters, without single surrogates") from None
    return value


# What JSON Schema can say of "printable" without a table of Unicode: none of the control characters.
ID_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID_LENGTH,
    "pattern": r"^[^\u0000-\u001f\u007f-\u00a0]*$",
}
TEXT_SCHEMA = {"type": "string", "pattern": r"^[^\u0000]*$"}

Id = Annotated[str, PlainValidator(check_id), WithJsonSchema(ID_SCHEMA)]
"""What something is known by: 1 to 200 printable characters."""

Text = Annotated[str, PlainValidator(check_text), WithJsonSchema(TEXT_SCHEMA)]
"""Free text of any length that the message's size allows, line breaks included, without NUL."""


# -- instants ------------------------------------------------------------------------------------

_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_NUMERIC_OFFSET = r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAY_AND_TIME = rf"{_DAY}[Tt]{_TIME}(?:\.[0-9]+)?"
_OFFSET = rf"(?:[Zz]|{_NUMERIC_OFFSET})"
_is_instant = re.compile(_DAY_AND_TIME + _OFFSET).fullmatch
_is_naive = re.compile(_DAY_AND_TIME).fullmatch
# What most systems write can be taken as it stands.
_is_to_the_second = re.compile(rf"{_DAY}T{_TIME}(?:Z|{_NUMERIC_OFFSET})").fullmatch
_LONGEST_TO_THE_MICROSECOND = len("2026-03-01T09:00:00.123456+01:00")
_beyond_microseconds = re.compile(r"(?<=\.[0-9]{6})[0-9]+")


def check_instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise must("be an instant as text, like 2026-03-01T09:00:00Z")
    text = value
    if not _is_to_the_second(value):
        if not _is_instant(value):
            if _is_naive(value):
                raise must("carry an offset, such as Z or +01:00 at its end")
            raise must("be an RFC 3339 instant with an offset, like 2026-03-01T09:00:00Z")
        text = value.upper()
        if len(text) > _LONGEST_TO_THE_MICROSECOND or "." in text:
            text = _beyond_microseconds.sub("", text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise must("be a day of the calendar from year 0001 on") from None
    if instant.tzinfo is UTC:
        return instant
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise must("lie within the years 0001 to 9999 in UTC") from None


INSTANT_SCHEMA = {"type": "string", "format": "date-time", "pattern": f"^{_DAY_AND_TIME}{_OFFSET}$"}

Instant = Annotated[datetime, PlainValidator(check_instant), WithJsonSchema(INSTANT_SCHEMA)]
"""An RFC 3339 instant with an offset; read as a datetime in UTC, digits beyond the microsecond cut."""


# -- decimals ------------------------------------------------------------------------------------

_LIMIT = 10**DIGITS_BEFORE_POINT
_SMALLEST = Decimal(1).scaleb(-DIGITS_AFTER_POINT)
_PLAIN = rf"[0-9]{{1,{DIGITS_BEFORE_POINT}}}(?:\.[0-9]{{1,{DIGITS_AFTER_POINT}}})?"
_is_plain = re.compile(_PLAIN).fullmatch
_is_decimal = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
# Quantizing refuses a result of more digits than this before it computes one, so no exponent can make it work long.
_within_bounds = Context(prec=DIGITS_BEFORE_POINT + DIGITS_AFTER_POINT, traps=[Inexact, InvalidOperation])
_BOUNDS = f"have at most {DIGITS_BEFORE_POINT} digits before the point and {DIGITS_AFTER_POINT} after it"


def check_decimal(value: object) -> Decimal:
    """A decimal as written; only an exponent, and zeros at the end beyond the sixth place, are written out."""
    if isinstance(value, str):
        if _is_plain(value):
            return Decimal(value)
        return _unusual_decimal(value)
    if type(value) is int:
        if -_LIMIT < value < _LIMIT:
            return Decimal(value)
        raise must(_BOUNDS)
    if isinstance(value, Decimal):
        text = str(value)
        return value if _is_plain(text) else _unusual_decimal(text)
    raise must("be a decimal number or a decimal number as text")


def _unusual_decimal(text: str) -> Decimal:
    """With a sign, an exponent, or more digits than usual."""
    if not _is_decimal(text):
        raise must('be a decimal number like "12.50", in the digits 0 to 9')
    try:
        number = Decimal(text)
        exact = number.quantize(_SMALLEST, context=_within_bounds)
    except ArithmeticError:
        raise must(_BOUNDS) from None
    if _is_plain(text.removeprefix("-")):
        return number if number else abs(number)
    return Decimal(f"{exact:f}".rstrip("0").rstrip(".")) if number else Decimal(0)


def check_amount(value: object) -> Decimal:
    if isinstance(value, str) and _is_plain(value):
        return Decimal(value)
    number = check_decimal(value)
    if number < 0:
        raise must("be 0 or more")
    return number


# A carrier's charge often comes out of binary floating point, such as 0.0199999996 for 0.02: digits beyond the sixth
# place are noise, and no reason to turn a booking away. Of prices and quantities they would be a mistake.
_rounded = Context(prec=DIGITS_BEFORE_POINT + DIGITS_AFTER_POINT, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])


def check_charge(value: object) -> Decimal:
    """An amount of which the digits beyond the sixth place are rounded, half-even."""
    text = str(value) if isinstance(value, str | Decimal) else ""
    if not _is_decimal(text):
        return check_amount(value)
    try:
        number = Decimal(text).quantize(_SMALLEST, context=_rounded)
    except ArithmeticError:
        raise must(_BOUNDS) from None
    return check_amount(text if number == Decimal(text) else f"{number:f}".rstrip("0").rstrip("."))


def check_quantity(value: object) -> Decimal:
    if isinstance(value, str) and _is_plain(value) and (number := Decimal(value)):
        return number
    number = check_decimal(value)
    if number <= 0:
        raise must("be greater than 0")
    return number


def _decimal_schema(pattern: str, **bounds: float) -> dict[str, Any]:
    number = {"type": "number", **bounds, "exclusiveMaximum": _LIMIT}
    return {"anyOf": [{"type": "string", "pattern": pattern}, number]}


DECIMAL_SCHEMA = _decimal_schema(f"^-?{_PLAIN}$", exclusiveMinimum=-_LIMIT)
AMOUNT_SCHEMA = _decimal_schema(f"^{_PLAIN}$", minimum=0)
QUANTITY_SCHEMA = _decimal_schema(f"^(?=.*[1-9]){_PLAIN}$", minimum=0.000001)

Number = Annotated[Decimal, PlainValidator(check_decimal), WithJsonSchema(DECIMAL_SCHEMA)]
"""A decimal string or JSON number, at most 15 digits before the point and 6 after it."""

Amount = Annotated[Decimal, PlainValidator(check_amount), WithJsonSchema(AMOUNT_SCHEMA)]
"""A decimal of 0 or more, in units of the currency that stands beside it or of the order's."""

Charge = Annotated[
    Decimal,
    PlainValidator(check_charge),
    WithJsonSchema(_decimal_schema(rf"^[0-9]{{1,{DIGITS_BEFORE_POINT}}}(?:\.[0-9]+)?$", minimum=0)),
]
"""What a carrier charges: an amount; digits beyond the sixth place are taken, and rounded half-even."""

Quantity = Annotated[Decimal, PlainValidator(check_quantity), WithJsonSchema(QUANTITY_SCHEMA)]
"""A decimal greater than 0."""


# -- numbers and codes of the trade --------------------------------------------------------------


def check_line_number(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MAX_LINE:
        raise must(f"be an integer from 1 to {MAX_LINE}")
    return value


def check_currency(value: object) -> str:
    if not isinstance(value, str) or value not in MINOR_UNITS:
        raise must("be a currency code of ISO 4217, like EUR")
    return value


_is_month = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])").fullmatch


def check_month(value: object) -> str:
    if not isinstance(value, str) or not _is_month(value):
        raise must("be a month, like 2026-03")
    return value


@cache
def time_zones() -> frozenset[str]:
    """The names of the IANA time zone database, as this machine or the tzdata package has it."""
    return frozenset(available_timezones() - {"localtime"})


def check_time_zone(value: object) -> str:
    if not isinstance(value, str) or value not in time_zones():
        raise must("be a time zone of the IANA database, like Europe/Berlin")
    return value


LineNumber = Annotated[
    int, PlainValidator(check_line_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LINE})
]
"""The number of an order line, from 1."""

Currency = Annotated[
    str, PlainValidator(check_currency), WithJsonSchema({"type": "string", "enum": sorted(MINOR_UNITS)})
]
"""A currency's code of ISO 4217."""

Month = Annotated[
    str,
    PlainValidator(check_month),
    WithJsonSchema({"type": "string", "pattern": r"^(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])$"}),
]
"""A calendar month, "YYYY-MM"."""

TimeZone = Annotated[
    str, PlainValidator(check_time_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]})
]
"""The name of a time zone of the IANA database."""
