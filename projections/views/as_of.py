"""The instant of a query."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, literal

from projections.views.columns import Instant

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
UTC_ZONE = "UTC"


def moved(instant: datetime, span: timedelta) -> datetime:
    """The instant moved by a span, kept within the years 1 to 9999."""
    try:
        return instant + span
    except OverflowError:
        return (datetime.max if span > timedelta(0) else datetime.min).replace(tzinfo=instant.tzinfo)


@dataclass(frozen=True)
class AsOf:
    """T, as SQL. `shifted` gives T moved by a span of time.

    If `present` is true, the query is about now: every fact counts, so the valid rows are those without an end, and T
    is only the clock for comparing promises.

    `zone` is the business time zone, an IANA name, in which months are counted (projections/views/business_months.py).
    """

    shifted: Callable[[timedelta], ColumnElement[datetime]]
    present: bool
    zone: str = UTC_ZONE

    @classmethod
    def at(cls, instant: datetime, *, present: bool = False, zone: str = UTC_ZONE) -> "AsOf":
        return cls(lambda span: literal(moved(instant, span), Instant()), present, zone)

    def in_zone(self, zone: str) -> "AsOf":
        """The same instant, with months of another zone."""
        return replace(self, zone=zone)

    @property
    def instant(self) -> ColumnElement[datetime]:
        return self.shifted(timedelta(0))

    @property
    def day_later(self) -> ColumnElement[datetime]:
        return self.shifted(DAY)

    @property
    def week_earlier(self) -> ColumnElement[datetime]:
        return self.shifted(-WEEK)

    def holds(self, periods: Table | Any) -> ColumnElement[bool]:
        """The rows of a table of periods (valid_from, valid_to) that are valid at T."""
        if self.present:
            return periods.c.valid_to.is_(None)
        return (periods.c.valid_from <= self.instant) & (
            periods.c.valid_to.is_(None) | (periods.c.valid_to > self.instant)
        )

    def happened(self, column: ColumnElement[datetime]) -> ColumnElement[bool]:
        """What happened by T; at present, everything known."""
        return column.is_not(None) if self.present else column <= self.instant
