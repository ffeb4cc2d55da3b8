"""Filters of a view's rows, as people write them in an address: `rep_id=rep-7`, `min.hours_overdue=24`.

A value is compared by the type of its column, with equal results on both databases.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from decimal import ROUND_CEILING, Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Float, false, literal, or_
from sqlalchemy.types import TypeEngine

from domain.nearest import did_you_mean
from infra.instants import WrongInstantError, instant_of
from projections.table import ValueType
from projections.views.catalogue import View
from projections.views.columns import Amount, Hours, Instant, Name
from projections.views.decimals import decimal_sort_key

MIN, MAX = "min.", "max."
RANGED = (ValueType.INSTANT, ValueType.WHOLE, ValueType.AMOUNT, ValueType.HOURS)
"""The types of columns that `min.` and `max.` can limit."""
LONGEST_WHOLE = 2**63 - 1
MOST_VALUES = 1_000
"""How many values of a column a query may name; databases limit what they take."""
MONTH = "month"
"""The column with months, in every view that has one."""

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_HOURS_DIGITS, _HOURS_PLACES = 12, Decimal("0.01")


class WrongQueryError(ValueError):
    """A parameter of a query is wrong; the message names it, and says what is wrong and how to give it."""

    def __init__(self, parameter: str, problem: str):
        super().__init__(f"{parameter}: {problem}")
        self.parameter = parameter


def conditions(
    view: View, columns: Mapping[str, ColumnElement[Any]], filters: Mapping[str, Sequence[str]], zone: tzinfo
) -> list[ColumnElement[bool]]:
    """What the rows of the view must meet; `columns` are the view's, by name. A date alone begins in `zone`.

    Raises WrongQueryError.
    """
    return [_condition(view, columns, name, values, zone) for name, values in filters.items()]


def _condition(
    view: View, columns: Mapping[str, ColumnElement[Any]], name: str, values: Sequence[str], zone: tzinfo
) -> ColumnElement[bool]:
    limit = name[: len(MIN)] if name.startswith((MIN, MAX)) else ""
    column = name.removeprefix(limit)
    kind = expect_column(view, column, name).type
    compared = comparable(columns[column])
    read = _READERS[kind]
    if not limit:
        return _is_one_of(compared, columns[column], name, values, kind, zone)
    if kind not in RANGED:
        raise WrongQueryError(name, f"{limit} is for instants and numbers, and {column} is {kind.value}")
    if len(values) != 1 or not values[0]:
        raise WrongQueryError(name, f"needs one value, such as {name}={EXAMPLES[kind]}")
    value = read(name, values[0], zone)
    if kind is ValueType.HOURS:
        # The column has two places: at least 1.501 is at least 1.51, and less than 1.501 is less than 1.51.
        value = value.quantize(_HOURS_PLACES, ROUND_CEILING)
    given = constant(value, columns[column].type)
    return compared >= given if limit == MIN else compared < given


def _is_one_of(
    compared: ColumnElement[Any],
    column: ColumnElement[Any],
    name: str,
    values: Sequence[str],
    kind: ValueType,
    zone: tzinfo,
) -> ColumnElement[bool]:
    if len(values) > MOST_VALUES:
        raise WrongQueryError(name, f"is given {len(values)} times; give at most {MOST_VALUES} values")
    read = _READERS[kind] if name != MONTH else _month
    wanted: list[Any] = [read(name, value, zone) for value in dict.fromkeys(values) if value]
    if kind is ValueType.HOURS:
        wanted = [hours for hours in wanted if hours == hours.quantize(_HOURS_PLACES, ROUND_CEILING)]
    conditions: list[ColumnElement[bool]] = [column.is_(None)] if "" in values else []
    if wanted:
        # One list, not a chain of `or`: SQLite refuses an expression of a thousand levels.
        conditions.append(compared.in_([constant(value, column.type) for value in wanted]))
    return or_(false(), *conditions)


def expect_column(view: View, column: str, parameter: str) -> Any:
    """The description of a column. Raises WrongQueryError for one that the view does not have."""
    found = view.described.get(column)
    if found is None:
        hint = did_you_mean(column, view.columns) or f"; it has {', '.join(view.columns)}"
        raise WrongQueryError(parameter, f"{view.relation} has no column {column!r}{hint}")
    return found


def comparable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What to compare and sort by: the column itself, and of an amount what compares by value."""
    return decimal_sort_key(column) if isinstance(column.type, Amount) else column


def constant(value: Any, column_type: TypeEngine[Any]) -> ColumnElement[Any]:
    """A value to compare with `comparable` of a column of this type."""
    if isinstance(column_type, Amount):
        return decimal_sort_key(literal(value, Amount()))
    for cls in (Instant, Hours, Boolean, Float):
        if isinstance(column_type, cls):
            return literal(value, cls())
    return literal(value, BigInteger()) if isinstance(value, int) else literal(value, Name)


# -- what people write, by the type of the column ----------------------------------------------------------------------

EXAMPLES: Mapping[ValueType, str] = {
    ValueType.TEXT: "rep-7",
    ValueType.WHOLE: "3",
    ValueType.BOOLEAN: "true",
    ValueType.INSTANT: "2026-03-02T09:00:00Z",
    ValueType.AMOUNT: "129.50",
    ValueType.HOURS: "24.5",
}


def _text(name: str, value: str, zone: tzinfo) -> str:
    if "\0" in value:
        raise WrongQueryError(name, "no text has the character U+0000; leave it out")
    return value


def _month(name: str, value: str, zone: tzinfo) -> str:
    if not _MONTH.fullmatch(value):
        raise WrongQueryError(name, f"{value!r} is not a month; give one as 2026-03")
    return value


def _whole(name: str, value: str, zone: tzinfo) -> int:
    number = int(value) if _WHOLE.fullmatch(value) else None
    if number is None or abs(number) > LONGEST_WHOLE:
        raise WrongQueryError(name, f"{value!r} is not a whole number; give one such as 3")
    return number


def _boolean(name: str, value: str, zone: tzinfo) -> bool:
    if value not in ("true", "false"):
        raise WrongQueryError(name, f"{value!r} is neither true nor false")
    return value == "true"


def _instant(name: str, value: str, zone: tzinfo) -> Any:
    try:
        return instant_of(value, zone)
    except WrongInstantError as e:
        raise WrongQueryError(name, str(e)) from None


def _number(name: str, value: str, zone: tzinfo) -> Decimal:
    if not _NUMBER.fullmatch(value):
        raise WrongQueryError(name, f"{value!r} is not a number; give one such as 129.50")
    return Decimal(value)


def _hours(name: str, value: str, zone: tzinfo) -> Decimal:
    number = _number(name, value, zone)
    if number.adjusted() >= _HOURS_DIGITS:
        raise WrongQueryError(name, f"{value!r} is longer than all of history; give hours such as 24.5")
    return number


_READERS: Mapping[ValueType, Callable[[str, str, tzinfo], Any]] = {
    ValueType.TEXT: _text,
    ValueType.WHOLE: _whole,
    ValueType.BOOLEAN: _boolean,
    ValueType.INSTANT: _instant,
    ValueType.AMOUNT: _number,
    ValueType.HOURS: _hours,
}
