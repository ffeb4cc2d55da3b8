"""Column types of the views' tables: exact instants, amounts and hours on every store.

On PostgreSQL they are timestamptz and numeric. SQLite has neither, so there an instant is the number of microseconds
since 1970-01-01T00:00:00Z and an amount is decimal text.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Date, DateTime, Dialect, Integer, Numeric, Text, func, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
T = TypeVar("T")

Name = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and sorted by code point, so that every database gives the same order."""


def or_empty(name: ColumnElement[Any]) -> ColumnElement[str]:
    """A name, or empty for none: so that rows of nobody are joined and sorted like all others."""
    return func.coalesce(name, literal("", Name), type_=Name)


def in_natural_order(name: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """What to sort names by so that rep-2 comes before rep-10: shorter ones first, then by code point."""
    return (func.length(name, type_=Integer), name)


class UnreadableValueError(ValueError):
    """A stored value is not of its column's type, such as text that was put into an instant by hand."""

    def __init__(self, value: Any, expected: str):
        super().__init__(f"a stored value is not {expected}: {value!r}")
        self.value = value


class Unreadable(str):
    """A stored value that is not of its column's type, as text; see as_stored()."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, in UTC, to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return _microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name != "sqlite":
            instant: datetime = value.astimezone(UTC)
            return instant
        try:
            return EPOCH + timedelta(microseconds=value)
        except (TypeError, OverflowError) as e:
            raise UnreadableValueError(value, "an instant in microseconds") from e


class Amount(TypeDecorator[Decimal]):
    """An exact decimal."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        try:
            return None if value is None else Decimal(value)
        except (ArithmeticError, TypeError) as e:
            raise UnreadableValueError(value, "a decimal") from e


class Rate(Amount):
    """An exact decimal with up to 12 places."""

    cache_ok = True


class Day(TypeDecorator[str]):
    """A day, as YYYY-MM-DD."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Date())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "sqlite" else date.fromisoformat(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return value.isoformat() if isinstance(value, date) else value


class InstantAsStored(Instant):
    """An instant, or `Unreadable`."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        try:
            return super().process_result_value(value, dialect)
        except UnreadableValueError as e:
            return Unreadable(e.value)


class AmountAsStored(Amount):
    """A decimal, or `Unreadable`."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        try:
            return super().process_result_value(value, dialect)
        except UnreadableValueError as e:
            return Unreadable(e.value)


def as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column for a comparison of rows, in which an unreadable value is told instead of raised."""
    if isinstance(column.type, Instant):
        return type_coerce(column, InstantAsStored()).label(column.key)
    return type_coerce(column, AmountAsStored()).label(column.key) if isinstance(column.type, Amount) else column


class Hours(TypeDecorator[Decimal]):
    """Hours with two decimal places. On SQLite a query yields whole hundredths, and is given them to compare with."""

    impl = Numeric
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return int(value.scaleb(2)) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(int(value)).scaleb(-2) if dialect.name == "sqlite" else Decimal(value).quantize(Decimal("0.01"))


ColumnConverter = Callable[[Sequence[Any]], list[Any]]
"""Converts the values of a column, nulls among them."""


def driver_converter(column_type: TypeEngine[Any], dialect: Dialect) -> ColumnConverter | None:
    """The conversion of a column's values for a bulk insert; None if the driver takes them unchanged."""
    if dialect.name != "sqlite":
        return _all_dates if isinstance(column_type, Day) else None
    if isinstance(column_type, Instant):
        return _all_microseconds
    return _all_decimal_text if isinstance(column_type, Amount) else None


class _Microseconds(dict[datetime | None, int | None]):
    """Instants that were converted: columns and tables repeat the same ones, and a lookup is much faster."""

    def __missing__(self, instant: datetime | None) -> int | None:
        self[instant] = converted = None if instant is None else _microseconds(instant)
        return converted


_MICROSECONDS = _Microseconds()
_MOST_INSTANTS = 50_000
"""With more, the next column begins with none: about 10 MB."""


def _all_microseconds(instants: Sequence[datetime | None]) -> list[int | None]:
    if len(_MICROSECONDS) > _MOST_INSTANTS:
        _MICROSECONDS.clear()
    return list(map(_MICROSECONDS.__getitem__, instants))


def _all_dates(days: Sequence[str | None]) -> list[date | None]:
    return [None if day is None else date.fromisoformat(day) for day in days]


def _all_decimal_text(amounts: Sequence[Decimal | None]) -> list[str | None]:
    # Not by equal values: 1.5 equals 1.50 and is written differently.
    return [None if amount is None else format(amount, "f") for amount in amounts]


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // _MICROSECOND


class OfTwoInstants(ColumnElement[T]):
    """What a database computes from two instants. A subclass says its type, and how each database computes it."""

    # For copies, such as one on other tables (infra/store/projected/tables.py), and to compile a query once.
    _traverse_internals = [  # noqa: RUF012  (the library's own declaration)
        ("start", InternalTraversal.dp_clauseelement),
        ("end", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, start: ColumnElement[Any], end: ColumnElement[Any]):
        self.start = start
        self.end = end


class hours_between(OfTwoInstants[Decimal]):  # noqa: N801  (reads as a function in queries)
    """The hours from `start` to `end`, rounded half-even to two places."""

    inherit_cache = True
    type = Hours()


# A hundredth of an hour is 36 seconds. Neither database rounds half-even by itself, and SQLite's integer division
# truncates towards zero. Adding an even number of hundredths, longer than all of history, makes every span positive.
_SHIFT = 10_000_000_000


@compiles(hours_between, "sqlite")
def _hours_on_sqlite(element: hours_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    start, end = compiler.process(element.start, **kwargs), compiler.process(element.end, **kwargs)
    span = f"({end} - {start} + {_SHIFT * 36_000_000})"
    whole, rest = f"({span} / 36000000)", f"({span} % 36000000)"
    return f"({whole} - {_SHIFT} + ({rest} > 18000000 OR ({rest} = 18000000 AND {whole} % 2 = 1)))"


@compiles(hours_between, "postgresql")
def _hours_on_postgresql(element: hours_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    start, end = compiler.process(element.start, **kwargs), compiler.process(element.end, **kwargs)
    hundredths = f"(EXTRACT(EPOCH FROM ({end} - {start})) / 36)"
    floor = f"floor({hundredths})"
    return (
        f"round(({floor} + CASE WHEN {hundredths} - {floor} > 0.5 "
        f"OR ({hundredths} - {floor} = 0.5 AND mod({floor}, 2) <> 0) THEN 1 ELSE 0 END) / 100, 2)"
    )
