"""Days of the calendar in SQL, as text (YYYY-MM-DD), made from numbers."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

from projections.views.columns import Name

LAST_DAY = 2_932_896
"""The calendar's last day, 9999-12-31, in days since 1970-01-01."""
LAST_MONTH = 9999 * 12 + 11
"""Its month, counted from year 0."""


class _Text(ColumnElement[str]):
    """A text made of two numbers; null if one of them is."""

    # How the library copies such an element, replaces columns in it (infra/store/projected/tables.py) and caches it.
    _traverse_internals = [  # noqa: RUF012  (the library's own declaration)
        ("first", InternalTraversal.dp_clauseelement),
        ("second", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, first: ColumnElement[int], second: ColumnElement[int]):
        self.first = first
        self.second = second
        self.type = Name

    def operands(self, compiler: SQLCompiler, **kwargs: Any) -> tuple[str, str]:
        return f"({compiler.process(self.first, **kwargs)})", f"({compiler.process(self.second, **kwargs)})"


class day_after(_Text):  # noqa: N801  (reads as a function in queries)
    """The day that comes some days after a day (in days since 1970-01-01)."""

    inherit_cache = True


class day_of_month(_Text):  # noqa: N801  (reads as a function in queries)
    """A day of a month (counted from year 0), or the month's last day if the month is shorter."""

    inherit_cache = True


class utc_day(FunctionElement[str]):  # noqa: N801  (reads as a function in queries)
    """The day of an instant in UTC."""

    inherit_cache = True
    type = Name


@compiles(utc_day, "sqlite")
def _utc_day_on_sqlite(element: utc_day, compiler: SQLCompiler, **kwargs: Any) -> str:
    (instant,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    # The division must round down, also before 1970.
    return f"date(({instant} - (({instant} % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')"


@compiles(utc_day, "postgresql")
def _utc_day_on_postgresql(element: utc_day, compiler: SQLCompiler, **kwargs: Any) -> str:
    (instant,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    return _written(f"CAST({instant} AS timestamptz) AT TIME ZONE 'UTC'")


@compiles(day_after, "sqlite")
def _day_after_on_sqlite(element: day_after, compiler: SQLCompiler, **kwargs: Any) -> str:
    day, days = element.operands(compiler, **kwargs)
    return f"date(({day} + {days}) * 86400, 'unixepoch')"


@compiles(day_after, "postgresql")
def _day_after_on_postgresql(element: day_after, compiler: SQLCompiler, **kwargs: Any) -> str:
    day, days = element.operands(compiler, **kwargs)
    return _written(f"DATE '1970-01-01' + ({day} + {days})::integer")


@compiles(day_of_month, "sqlite")
def _day_of_month_on_sqlite(element: day_of_month, compiler: SQLCompiler, **kwargs: Any) -> str:
    month, day = element.operands(compiler, **kwargs)
    first = f"format('%04d-%02d-01', {month} / 12, {month} % 12 + 1)"
    return f"min(date({first}, format('%d days', {day} - 1)), date({first}, '+1 month', '-1 day'))"


@compiles(day_of_month, "postgresql")
def _day_of_month_on_postgresql(element: day_of_month, compiler: SQLCompiler, **kwargs: Any) -> str:
    month, day = element.operands(compiler, **kwargs)
    first = f"make_date(({month} / 12)::integer, (mod({month}, 12) + 1)::integer, 1)"
    return _written(f"least({first} + ({day} - 1)::integer, ({first} + interval '1 month' - interval '1 day')::date)")


def _written(day: str) -> str:
    return f"to_char({day}, 'YYYY-MM-DD') COLLATE \"C\""
