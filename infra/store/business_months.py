"""The stored calendar of business months: the first instant of each month in a business time zone.

A process that opens a store for acting keeps the months of its zone up to date, also when the rules of the zone change.
A question never writes: without the months of its zone it fails and says what to do. UTC needs no stored months.
"""

from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Connection, Engine, delete, insert, select

from domain.days import beginning_of_day
from infra.store.engine import LOCKED
from projections.views.as_of import UTC_ZONE
from projections.views.business_months import KEPT_YEARS, business_month_starts

MonthStart = tuple[datetime, str | None]


class NoBusinessMonthsError(Exception):
    """The store does not have the months of this business time zone yet; the message says what to do."""

    def __init__(self, zone: str):
        super().__init__(
            f"the store has no months of the business time zone {zone} yet: run waybill project --once with "
            f"WAYBILL_TIME_ZONE={zone}, or set the zone that the store's other processes use"
        )


@lru_cache(maxsize=4)
def month_starts(zone: str) -> tuple[MonthStart, ...]:
    """The first instant (UTC) and the name ("YYYY-MM") of each kept month in a zone (IANA name).

    At last comes the end of the last month, without a name.
    """
    months = [date(year, month, 1) for year in KEPT_YEARS for month in range(1, 13)]
    end = date(KEPT_YEARS.stop, 1, 1)
    return (
        *((beginning_of_day(first, zone), first.isoformat()[:7]) for first in months),
        (beginning_of_day(end, zone), None),
    )


def keep_business_months(engine: Engine, zone: str) -> None:
    """Store the months of a zone (IANA name), and replace those that differ from what the zone's rules say now."""
    if zone == UTC_ZONE:
        return
    with engine.connect() as connection:
        if _stored(connection, zone) == month_starts(zone):
            return
    with engine.execution_options(**{LOCKED: True}).begin() as connection:
        connection.execute(delete(business_month_starts).where(business_month_starts.c.zone == zone))
        fill_business_months(connection, zone)


def fill_business_months(connection: Connection, zone: str) -> None:
    """Insert all months of a zone (IANA name) of which the store has none."""
    if zone != UTC_ZONE:
        rows = [{"zone": zone, "starts_at": starts_at, "month": month} for starts_at, month in month_starts(zone)]
        connection.execute(insert(business_month_starts), rows)


def expect_business_months(connection: Connection, zone: str) -> None:
    """Raise NoBusinessMonthsError if the store has no months of this zone (IANA name)."""
    start = business_month_starts.c
    if zone != UTC_ZONE and not connection.execute(select(start.zone).where(start.zone == zone).limit(1)).first():
        raise NoBusinessMonthsError(zone)


def _stored(connection: Connection, zone: str) -> tuple[MonthStart, ...]:
    start = business_month_starts.c
    found = connection.execute(select(start.starts_at, start.month).where(start.zone == zone).order_by(start.starts_at))
    return tuple((row.starts_at, row.month) for row in found)
