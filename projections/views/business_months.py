"""Business months: the month "YYYY-MM" of an instant in the business time zone (WAYBILL_TIME_ZONE), in SQL.

Databases have time zones of their own, of other versions, or none. So the first instant of each month is computed once,
by the zones of this code, and stored (infra/store/business_months.py); a query looks it up. UTC needs no table. Before
the kept years and after them the month is that of UTC.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Table, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import iterate

from projections.views.as_of import UTC_ZONE, AsOf
from projections.views.columns import Instant, Name

KEPT_YEARS = range(1970, 2101)

business_month_starts = Table(
    "business_month_starts",
    MetaData(),
    Column("zone", Name, primary_key=True, comment="A time zone, by its IANA name."),
    Column("starts_at", Instant, primary_key=True, comment="The first instant of the month there."),
    Column("month", Name, comment="The month, as YYYY-MM; null from the first instant after the kept years on."),
    comment="One row for each month of a business time zone that was in use, of the years 1970 to 2100.",
)


class utc_month(FunctionElement[str]):  # noqa: N801  (reads as a function in queries)
    """The month of an instant in UTC."""

    inherit_cache = True
    type = Name


class month_before(FunctionElement[str]):  # noqa: N801
    """The month before a month, both "YYYY-MM"."""

    inherit_cache = True
    type = Name


def month_of(instant: ColumnElement[Any], as_of: AsOf) -> ColumnElement[str]:
    """The month of an instant in the zone of the query; null of null."""
    in_utc: ColumnElement[str] = utc_month(instant)
    if as_of.zone == UTC_ZONE:
        return in_utc
    start = business_month_starts.c
    kept = (
        select(start.month)
        .where(start.zone == literal(as_of.zone), start.starts_at <= instant)
        .order_by(start.starts_at.desc())
        .limit(1)
        .correlate_except(business_month_starts)
        .scalar_subquery()
    )
    return func.coalesce(kept, in_utc, type_=Name)


def this_month(as_of: AsOf) -> ColumnElement[str]:
    """The month of T."""
    return month_of(as_of.instant, as_of)


def last_month(as_of: AsOf) -> ColumnElement[str]:
    """The month before that of T."""
    return month_before(this_month(as_of))


def reads_business_months(question: Any) -> bool:
    """Whether a query looks up months, so that the store must have those of the query's zone."""
    return any(part is business_month_starts for part in iterate(question))


@compiles(utc_month, "sqlite")
def _utc_month_on_sqlite(element: utc_month, compiler: SQLCompiler, **kwargs: Any) -> str:
    (instant,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    # The division must round down, also before 1970.
    seconds = f"({instant} - (({instant} % 1000000 + 1000000) % 1000000)) / 1000000"
    return f"strftime('%Y-%m', {seconds}, 'unixepoch')"


@compiles(utc_month, "postgresql")
def _utc_month_on_postgresql(element: utc_month, compiler: SQLCompiler, **kwargs: Any) -> str:
    (instant,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    return f"to_char(CAST({instant} AS timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM')"


@compiles(month_before, "sqlite")
def _month_before_on_sqlite(element: month_before, compiler: SQLCompiler, **kwargs: Any) -> str:
    (month,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    year, number = f"CAST(substr({month}, 1, 4) AS INTEGER)", f"CAST(substr({month}, 6) AS INTEGER)"
    return (
        f"CASE WHEN {number} = 1 THEN printf('%04d-12', {year} - 1) "
        f"ELSE printf('%s%02d', substr({month}, 1, 5), {number} - 1) END"
    )


@compiles(month_before, "postgresql")
def _month_before_on_postgresql(element: month_before, compiler: SQLCompiler, **kwargs: Any) -> str:
    (month,) = (compiler.process(operand, **kwargs) for operand in element.clauses)
    year, number = f"CAST(substr({month}, 1, 4) AS INTEGER)", f"CAST(substr({month}, 6) AS INTEGER)"
    return (
        f"CASE WHEN {number} = 1 THEN lpad(CAST({year} - 1 AS TEXT), 4, '0') || '-12' "
        f"ELSE substr({month}, 1, 5) || lpad(CAST({number} - 1 AS TEXT), 2, '0') END"
    )
