"""The types of single values on the wire: their checks and parsed values.

Every type is `Annotated` with one small check function, so a message is checked in one pass and its values go into the
event unchanged. A check raises `PydanticCustomError` with a sentence that begins with "must";
`consumers.contract.problems` adds the value.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from consumers.contract.days import Day
from domain.currency import MINOR_UNITS
from domain.ids import MAX_ID_LENGTH
from domain.order.events import UNSET, as_line
from domain.standing_order.events import WEEKDAYS

MAX_LINE = 10**18
DIGITS_BEFORE_POINT = 15
DIGITS_AFTER_POINT = 6

VALUE_IS_WRONG = "value_is_wrong"
"""A value breaks a bound of its own; the reason shows it."""

WHOLE_IS_WRONG = "whole_is_wrong"
"""Valid values that do not fit together; there is no single value to show."""


class WireModel(BaseModel):
    """An object on the wire. Unknown fields are ignored: an upstream may add some.

    A model's validator is built when the first message is read by it: most commands read none.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


def must(rule: str) -> PydanticCustomError:
    """The objection to one value, such as must("be text")."""
    return PydanticCustomError(VALUE_IS_WRONG, "must {rule}", {"rule": rule})


def must_together(rule: str) -> PydanticCustomError:
    """The objection to values that do not go together."""
    return PydanticCustomError(WHOLE_IS_WRONG, "must {rule}", {"rule": rule})


STAYS: Any = UNSET
"""The default of a field that stays unchanged if a message leaves it out; no message can send it."""


# -- text ----------------------------------------------------------------------------------------

# CloudEvents' rule for a String, written out here because Python's Unicode table changes with its version.
_NONCHARACTERS = "".join(chr((plane << 16) + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
_FORBIDDEN = rf"\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff{_NONCHARACTERS}"
find_forbidden = re.compile(f"[{_FORBIDDEN}]").search
"""Matches what CloudEvents forbids in a String: control characters, surrogates and noncharacters."""


def check_id(value: object) -> str:
    if not isinstance(value, str):
        raise must("be text")
    if not 0 < len(value) <= MAX_ID_LENGTH:
        raise must(f"have 1 to {MAX_ID_LENGTH} characters")
    if find_forbidden(value):
        raise must("be without control characters, single surrogates and noncharacters")
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


# In some dialects of regular expressions $ also matches before a final line break.
END = r"$(?!\n)"

ID_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": rf"^[^{_FORBIDDEN}]*{END}"}
TEXT_SCHEMA = {"type": "string", "pattern": rf"^[^\u0000\ud800-\udfff]*{END}"}

Id = Annotated[str, PlainValidator(check_id), WithJsonSchema(ID_SCHEMA)]
"""An id or a name: 1 to 200 characters that CloudEvents allows in a String."""

Text = Annotated[str, PlainValidator(check_text), WithJsonSchema(TEXT_SCHEMA)]
"""Free text, limited only by the message's size, with line breaks, without NUL."""


# -- instants ------------------------------------------------------------------------------------

_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_NUMERIC_OFFSET = r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAY_AND_TIME = rf"{_DAY}[Tt]{_TIME}(?:\.[0-9]+)?"
_OFFSET = rf"(?:[Zz]|{_NUMERIC_OFFSET})"
_is_instant = re.compile(_DAY_AND_TIME + _OFFSET).fullmatch
_is_day = re.compile(_DAY).fullmatch
_is_naive = re.compile(_DAY_AND_TIME).fullmatch
# The format of most systems needs no conversion.
_is_usual_instant = re.compile(rf"{_DAY}T{_TIME}(?:\.[0-9]{{1,6}})?(?:Z|{_NUMERIC_OFFSET})").fullmatch
_LONGEST_TO_THE_MICROSECOND = len("2026-03-01T09:00:00.123456+01:00")
_beyond_microseconds = re.compile(r"(?<=\.[0-9]{6})[0-9]+")


def check_instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise must("be an instant as text, like 2026-03-01T09:00:00Z")
    text = value
    if not _is_usual_instant(value):
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


def _check_day(value: str, *, ends: bool) -> Day:
    try:
        return Day(date.fromisoformat(value), ends)
    except ValueError:
        raise must("be a day of the calendar from year 0001 on") from None


def check_date(value: object) -> date:
    """A day of the calendar that is meant as such, whatever the time zone."""
    if not isinstance(value, str) or not _is_day(value):
        raise must("be a date, like 2026-03-01")
    return _check_day(value, ends=False).day


def check_by_day(value: object) -> datetime | Day:
    """An instant, or a date that means its end."""
    return _check_day(value, ends=True) if isinstance(value, str) and _is_day(value) else check_instant(value)


def check_from_day(value: object) -> datetime | Day:
    """An instant, or a date that means its start."""
    return _check_day(value, ends=False) if isinstance(value, str) and _is_day(value) else check_instant(value)


# The days that exist, for the schema; the reader checks with a calendar.
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_REAL_DAY = (
    r"(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
    rf"02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
# The first and the last day must be in UTC: an offset would leave the years 0001 to 9999.
_WITHIN_YEARS = r"(?!0001-01-01[Tt].*\+)(?!9999-12-31[Tt].*-[0-9]{2}:)"
_REAL_INSTANT = rf"{_WITHIN_YEARS}{_REAL_DAY}[Tt]{_TIME}(?:\.[0-9]+)?{_OFFSET}"

INSTANT_SCHEMA = {"type": "string", "format": "date-time", "pattern": f"^{_REAL_INSTANT}{END}"}
DAY_OR_INSTANT_SCHEMA = {"type": "string", "pattern": f"^(?:{_REAL_INSTANT}|{_REAL_DAY}){END}"}

Instant = Annotated[datetime, PlainValidator(check_instant), WithJsonSchema(INSTANT_SCHEMA)]
"""An RFC 3339 instant with an offset; read as a datetime in UTC, digits beyond the microsecond cut."""

ByDay = Annotated[datetime, PlainValidator(check_by_day), WithJsonSchema(DAY_OR_INSTANT_SCHEMA)]
"""An instant, or a date alone, which is the end of that day and is read as a Day."""

FromDay = Annotated[datetime, PlainValidator(check_from_day), WithJsonSchema(DAY_OR_INSTANT_SCHEMA)]
"""An instant, or a date alone, which is the beginning of that day and is read as a Day."""


DATE_SCHEMA = {"type": "string", "format": "date", "pattern": f"^{_REAL_DAY}{END}"}

Date = Annotated[date, PlainValidator(check_date), WithJsonSchema(DATE_SCHEMA)]
"""A day of the calendar, "YYYY-MM-DD"; it stays a day."""


# -- decimals ------------------------------------------------------------------------------------

_LIMIT = 10**DIGITS_BEFORE_POINT
_SMALLEST = Decimal(1).scaleb(-DIGITS_AFTER_POINT)
_PLAIN = rf"[0-9]{{1,{DIGITS_BEFORE_POINT}}}(?:\.[0-9]{{1,{DIGITS_AFTER_POINT}}})?"
_is_plain = re.compile(_PLAIN).fullmatch
_is_decimal = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
# With three digits after it, the comma may separate thousands.
_has_a_decimal_comma = re.compile(r"-?[0-9]{1,15},[0-9]{1,2}").fullmatch
# Upstreams print results of binary floating point, such as 17.169999999999998: digits beyond the sixth place are noise.
# Quantizing refuses a result with more digits than `prec` before computing it, so no exponent takes long.
_rounded = Context(prec=DIGITS_BEFORE_POINT + DIGITS_AFTER_POINT, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_BOUNDS = f"have at most {DIGITS_BEFORE_POINT} digits before the point"


def check_decimal(value: object) -> Decimal:
    """A decimal as written; one with an exponent or more than six places is rounded half-even and written out."""
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
    """Handles a sign, an exponent, or many digits."""
    if not _is_decimal(text):
        nearest = f", perhaps {text.replace(',', '.')}" if _has_a_decimal_comma(text) else ""
        raise must(f'be a decimal number like "12.50", in the digits 0 to 9{nearest}')
    try:
        number = Decimal(text)
        rounded = number.quantize(_SMALLEST, context=_rounded)
    except ArithmeticError:
        raise must(_BOUNDS) from None
    if _is_plain(text.removeprefix("-")):
        return number if number else abs(number)
    return Decimal(f"{rounded:f}".rstrip("0").rstrip(".")) if rounded else Decimal(0)


def check_amount(value: object) -> Decimal:
    if isinstance(value, str) and _is_plain(value):
        return Decimal(value)
    number = check_decimal(value)
    if number < 0:
        raise must("be 0 or more")
    return number


def check_price(value: object, info: ValidationInfo) -> Decimal:
    """The price of a line: goods cost 0 or more, a charge (freight, a discount) may be negative."""
    return check_decimal(value) if info.data.get("kind") == "charge" else check_amount(value)


_SCHEMA_DIGITS = rf"[0-9]{{1,{DIGITS_BEFORE_POINT}}}(?:\.[0-9]+)?"
# Matches values that would round up to a sixteenth digit before the point.
_NOT_TOO_LARGE = rf"(?!-?9{{{DIGITS_BEFORE_POINT}}}\.9{{{DIGITS_AFTER_POINT}}}[5-9])"


def _decimal_schema(pattern: str, **bounds: float) -> dict[str, Any]:
    number = {"type": "number", **bounds, "exclusiveMaximum": _LIMIT}
    return {"anyOf": [{"type": "string", "pattern": f"^{_NOT_TOO_LARGE}{pattern}{END}"}, number]}


DECIMAL_SCHEMA = _decimal_schema(f"-?{_SCHEMA_DIGITS}", exclusiveMinimum=-_LIMIT)
AMOUNT_SCHEMA = _decimal_schema(_SCHEMA_DIGITS, minimum=0)
# Matches values that are not 0 after rounding to six places.
MORE_THAN_0_SCHEMA = _decimal_schema(rf"(?=[0-9]*(?:\.[0-9]{{0,5}})?[1-9]){_SCHEMA_DIGITS}", minimum=0.000001)

Number = Annotated[Decimal, PlainValidator(check_decimal), WithJsonSchema(DECIMAL_SCHEMA)]
"""A decimal string or JSON number, at most 15 digits before the point; beyond the sixth after it rounded half-even."""

Amount = Annotated[Decimal, PlainValidator(check_amount), WithJsonSchema(AMOUNT_SCHEMA)]
"""A decimal of 0 or more, in the currency given with it or in the order's."""

Price = Annotated[Decimal, PlainValidator(check_price), WithJsonSchema(DECIMAL_SCHEMA)]
"""The price of one, in the order's currency: 0 or more of goods, any decimal of a charge."""

Quantity = Annotated[Decimal, PlainValidator(check_amount), WithJsonSchema(AMOUNT_SCHEMA)]
"""A decimal of 0 or more."""


# -- numbers and codes of the trade --------------------------------------------------------------


def check_line(value: object) -> str:
    """The id of an order line: an integer's digits, or an id. 1, 1.0 and "1" are one line."""
    if isinstance(value, str):
        return check_id(value)
    if type(value) is int:
        if 0 <= value <= MAX_LINE:
            return as_line(value)
    elif isinstance(value, Decimal) and value.is_finite() and 0 <= value <= MAX_LINE and value == int(value):
        return as_line(int(value))
    raise must(f"be an integer from 0 to {MAX_LINE}, or an id as text")


def check_currency(value: object) -> str:
    if not isinstance(value, str) or value not in MINOR_UNITS:
        meant = value[:10].strip().upper() if isinstance(value, str) else ""
        nearest = f", perhaps {meant}" if meant in MINOR_UNITS else ""
        raise must(f"be a currency code of ISO 4217, like EUR{nearest}")
    return value


_is_month = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])").fullmatch


def check_month(value: object) -> str:
    if not isinstance(value, str) or not _is_month(value):
        raise must("be a month, like 2026-03")
    return value


@cache
def time_zones() -> frozenset[str]:
    """The names in the IANA time zone database of this machine or the tzdata package."""
    return frozenset(available_timezones() - {"localtime"})


def check_time_zone(value: object) -> str:
    if not isinstance(value, str) or value not in time_zones():
        raise must("be a time zone of the IANA database, like Europe/Berlin")
    return value


MAX_DAYS = 1_000_000
"""The longest span in days; the calendar of the years 0001 to 9999 has about 3.7 times as many."""

_WEEKDAY_BY_NAME = {name.lower(): number for number, name in enumerate(WEEKDAYS, start=1)}


def check_integer(value: object, least: int, most: int) -> int:
    """An integer within these bounds; 1.0 and 1e0 are integers, as in JSON Schema."""
    if type(value) is int:
        if least <= value <= most:
            return value
    elif isinstance(value, Decimal) and value.is_finite() and least <= value <= most and value == int(value):
        return int(value)
    raise must(f"be an integer from {least} to {most}")


def check_days(value: object) -> int:
    return check_integer(value, 1, MAX_DAYS)


def check_lead_days(value: object) -> int:
    return check_integer(value, 0, MAX_DAYS)


def check_month_day(value: object) -> int:
    return check_integer(value, 1, 31)


def check_weekday(value: object) -> int:
    """The ISO number of a weekday, given as such or by its English name in any case."""
    if isinstance(value, str):
        number = _WEEKDAY_BY_NAME.get(value.lower()) if value.isascii() else None
        if number is not None:
            return number
    else:
        with suppress(PydanticCustomError):
            return check_integer(value, 1, 7)
    raise must("be an integer from 1 (Monday) to 7 (Sunday), or the English name of a weekday")


def _integer_schema(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _in_any_case(text: str) -> str:
    return "".join(f"[{letter.upper()}{letter.lower()}]" for letter in text)


WEEKDAY_SCHEMA = {
    "anyOf": [
        _integer_schema(1, 7),
        {"type": "string", "pattern": f"^(?:{'|'.join(map(_in_any_case, WEEKDAYS))}){END}"},
    ]
}

DAYS_SCHEMA = _integer_schema(1, MAX_DAYS)
LEAD_DAYS_SCHEMA = _integer_schema(0, MAX_DAYS)
MONTH_DAY_SCHEMA = _integer_schema(1, 31)
LINE_SCHEMA = {"anyOf": [_integer_schema(0, MAX_LINE), ID_SCHEMA]}
CURRENCY_SCHEMA = {"type": "string", "enum": sorted(MINOR_UNITS)}
MONTH_SCHEMA = {"type": "string", "pattern": rf"^(?!0000)[0-9]{{4}}-(?:0[1-9]|1[0-2]){END}"}
TIME_ZONE_SCHEMA = {"type": "string", "format": "iana-time-zone", "examples": ["Europe/Berlin"]}

Days = Annotated[int, PlainValidator(check_days), WithJsonSchema(DAYS_SCHEMA)]
"""A number of days, at least 1."""

LeadDays = Annotated[int, PlainValidator(check_lead_days), WithJsonSchema(LEAD_DAYS_SCHEMA)]
"""A number of days, at least 0."""

Weekday = Annotated[int, PlainValidator(check_weekday), WithJsonSchema(WEEKDAY_SCHEMA)]
"""A weekday: 1 (Monday) to 7 (Sunday), or its English name in any case; read as the number."""

MonthDay = Annotated[int, PlainValidator(check_month_day), WithJsonSchema(MONTH_DAY_SCHEMA)]
"""A day of the month, 1 to 31."""

LineId = Annotated[str, PlainValidator(check_line), WithJsonSchema(LINE_SCHEMA)]
"""The id of an order line: an integer from 0, or an id; parsed as text."""

Currency = Annotated[str, PlainValidator(check_currency), WithJsonSchema(CURRENCY_SCHEMA)]
"""A currency's code of ISO 4217."""

Month = Annotated[str, PlainValidator(check_month), WithJsonSchema(MONTH_SCHEMA)]
"""A calendar month, "YYYY-MM"."""

TimeZone = Annotated[str, PlainValidator(check_time_zone), WithJsonSchema(TIME_ZONE_SCHEMA)]
"""The name of a time zone of the IANA database."""

ZoneOfDays = Annotated[
    TimeZone | None,
    Field(default=None, description="The time zone of dates without a time in this message: an IANA name."),
]
"""The time zone of fields that may be a date without a time; default: the business time zone."""


def check_truth(value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise must("be true or false")
    return value


Truth = Annotated[bool, PlainValidator(check_truth), WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "null"}]})]
"""true or false; null is false."""
