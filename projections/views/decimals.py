"""Exact decimals in SQL: sums, products, quotients and half-even rounding, with equal results on both databases.

On PostgreSQL they are `numeric`. SQLite has no exact decimals, so amounts there are decimal text, and these operations
call functions that this service adds to its own connections (infra/store/sqlite/decimal_functions.py). A foreign client
of the file has no such functions: a view that uses these operations has `exact_decimals` in the catalogue, and the
file has no plain-SQL relation of it.

An operand is an amount, a whole number or a literal. A null operand gives null; `decimal_sum` skips nulls. On
PostgreSQL the rounding operations repeat their operands, so give them columns, for instance of a CTE, and not long
expressions.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from domain.currency import MINOR_UNITS
from projections.views.columns import Amount

MICROSECONDS_AN_HOUR = 3_600_000_000
USUAL_MINOR_UNIT = 2


def decimal(value: int | str | Decimal) -> ColumnElement[Decimal]:
    """A constant amount."""
    return literal(Decimal(value), Amount())


class DecimalOperation(FunctionElement[Any]):
    """An operation that on SQLite needs the service's own functions."""

    inherit_cache = True
    type: TypeEngine[Any] = Amount()
    on_sqlite: str
    """The name of the function on SQLite."""


class decimal_sum(DecimalOperation):  # noqa: N801  (these read as functions in queries)
    """The sum of all values that are not null; null without any."""

    inherit_cache = True
    on_sqlite = "waybill_sum"


class decimal_plus(DecimalOperation):  # noqa: N801
    """a + b."""

    inherit_cache = True
    on_sqlite = "waybill_plus"


class decimal_minus(DecimalOperation):  # noqa: N801
    """a - b."""

    inherit_cache = True
    on_sqlite = "waybill_minus"


class decimal_times(DecimalOperation):  # noqa: N801
    """a x b, with all its places."""

    inherit_cache = True
    on_sqlite = "waybill_times"


class decimal_compare(DecimalOperation):  # noqa: N801
    """-1, 0 or 1: whether a is less than, equal to or greater than b."""

    inherit_cache = True
    type = Integer()
    on_sqlite = "waybill_compare"


class decimal_sort_key(DecimalOperation):  # noqa: N801
    """What sorts and compares as the amount does by value: on PostgreSQL the amount, on SQLite a text."""

    inherit_cache = True
    on_sqlite = "waybill_sort_key"


class rounded_quotient(DecimalOperation):  # noqa: N801
    """a / b, rounded half-even to two places; null if b is 0."""

    inherit_cache = True
    on_sqlite = "waybill_rounded_quotient"


class percent_of(DecimalOperation):  # noqa: N801
    """a / b x 100, rounded half-even to two places; null if b is 0."""

    inherit_cache = True
    on_sqlite = "waybill_percent_of"


class minor_units(DecimalOperation):  # noqa: N801
    """The number of decimal places of a currency."""

    inherit_cache = True
    type = Integer()
    on_sqlite = "waybill_minor_units"


class rounded_to(DecimalOperation):  # noqa: N801
    """An amount, rounded half-even to so many places (0 to 4), as `minor_units` gives them."""

    inherit_cache = True
    on_sqlite = "waybill_rounded_to"


class microseconds_between(FunctionElement[Decimal]):  # noqa: N801
    """The exact number of microseconds from one instant to another; sum them with `decimal_sum`."""

    inherit_cache = True
    type = Amount()


def uses_exact_decimals(question: Any) -> bool:
    """Whether a query uses these operations, which a foreign client of an SQLite file does not have."""
    return any(isinstance(part, DecimalOperation) for part in iterate(question))


# -- on SQLite --------------------------------------------------------------------------------------------------------


@compiles(DecimalOperation, "sqlite")
def _on_sqlite(element: DecimalOperation, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"{element.on_sqlite}({', '.join(_operands(element, compiler, kwargs))})"


@compiles(microseconds_between, "sqlite")
def _microseconds_on_sqlite(element: microseconds_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    start, end = _operands(element, compiler, kwargs)
    return f"({end} - {start})"


# -- on PostgreSQL ----------------------------------------------------------------------------------------------------


@compiles(microseconds_between, "postgresql")
def _microseconds_on_postgresql(element: microseconds_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    start, end = _operands(element, compiler, kwargs)
    return f"trunc(EXTRACT(EPOCH FROM ({end} - {start})) * 1000000)"


@compiles(decimal_sum, "postgresql")
def _sum(element: decimal_sum, compiler: SQLCompiler, **kwargs: Any) -> str:
    (amount,) = _operands(element, compiler, kwargs)
    return f"sum({_numeric(amount)})"


@compiles(decimal_plus, "postgresql")
def _plus(element: decimal_plus, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"({' + '.join(map(_numeric, _operands(element, compiler, kwargs)))})"


@compiles(decimal_minus, "postgresql")
def _minus(element: decimal_minus, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"({' - '.join(map(_numeric, _operands(element, compiler, kwargs)))})"


@compiles(decimal_times, "postgresql")
def _times(element: decimal_times, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"({' * '.join(map(_numeric, _operands(element, compiler, kwargs)))})"


@compiles(decimal_compare, "postgresql")
def _compare(element: decimal_compare, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"CAST(sign({' - '.join(map(_numeric, _operands(element, compiler, kwargs)))}) AS INTEGER)"


@compiles(decimal_sort_key, "postgresql")
def _sort_key(element: decimal_sort_key, compiler: SQLCompiler, **kwargs: Any) -> str:
    (amount,) = _operands(element, compiler, kwargs)
    return amount


@compiles(rounded_quotient, "postgresql")
def _rounded_quotient(element: rounded_quotient, compiler: SQLCompiler, **kwargs: Any) -> str:
    part, whole = map(_numeric, _operands(element, compiler, kwargs))
    return _hundredths(f"({part} * 100)", whole)


@compiles(percent_of, "postgresql")
def _percent_of(element: percent_of, compiler: SQLCompiler, **kwargs: Any) -> str:
    part, whole = map(_numeric, _operands(element, compiler, kwargs))
    return _hundredths(f"({part} * 10000)", whole)


@compiles(minor_units, "postgresql")
def _minor_units(element: minor_units, compiler: SQLCompiler, **kwargs: Any) -> str:
    (currency,) = _operands(element, compiler, kwargs)
    by_places: dict[int, list[str]] = {}
    for code, places in sorted(MINOR_UNITS.items()):
        by_places.setdefault(places, []).append(f"'{code}'")
    cases = " ".join(
        f"WHEN {currency} IN ({', '.join(codes)}) THEN {places}"
        for places, codes in by_places.items()
        if places != USUAL_MINOR_UNIT
    )
    return f"CASE {cases} WHEN {currency} IS NOT NULL THEN {USUAL_MINOR_UNIT} END"


@compiles(rounded_to, "postgresql")
def _rounded_to(element: rounded_to, compiler: SQLCompiler, **kwargs: Any) -> str:
    amount, places = _operands(element, compiler, kwargs)
    amount = _numeric(amount)
    unit = f"CASE {places} WHEN 0 THEN 1.0 WHEN 2 THEN 0.01 WHEN 3 THEN 0.001 WHEN 4 THEN 0.0001 WHEN 1 THEN 0.1 END"
    rest = f"mod({amount}, {unit})"
    # The remainder is exact, and a quotient would not be. `round` only sets the number of places that are shown.
    up = _is_rounded_up(rest, unit, f"mod({amount} - {rest}, 2 * {unit})")
    return f"round({amount} - {rest} + CASE WHEN {up} THEN sign({amount}) * {unit} ELSE 0 END, {places})"


def _hundredths(dividend: str, divisor: str) -> str:
    """The quotient, rounded half-even to a whole number, as hundredths; exact, which PostgreSQL's division is not."""
    by = f"nullif({divisor}, 0)"
    whole, rest = f"div({dividend}, {by})", f"mod({dividend}, {by})"
    up = _is_rounded_up(rest, by, f"mod({whole}, 2)")
    return f"round(({whole} + CASE WHEN {up} THEN sign({dividend}) * sign({by}) ELSE 0 END) * 0.01, 2)"


def _is_rounded_up(rest: str, unit: str, odd: str) -> str:
    """Whether half-even rounding goes away from zero, by the remainder and what is left of the even multiples."""
    return f"2 * abs({rest}) > abs({unit}) OR (2 * abs({rest}) = abs({unit}) AND {odd} <> 0)"


def _numeric(operand: str) -> str:
    return f"CAST({operand} AS NUMERIC)"


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, kwargs: dict[str, Any]) -> list[str]:
    return [compiler.process(operand, **kwargs) for operand in element.clauses]
