"""Days of a time zone as instants: where a day begins, also if clocks go forward over midnight."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# No zone is further from UTC, and no gap in a zone's days is longer.
_FURTHEST = timedelta(hours=50)
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
def beginning_of_day(day: date, zone: str) -> datetime:
    """The first instant of this day in the zone (a name of the IANA database), in UTC.

    An instant beyond the years 0001 to 9999 becomes the latest or earliest within them.
    """
    midnight = datetime.combine(day, datetime.min.time())
    zone_info = ZoneInfo(zone)
    try:
        found = midnight.replace(tzinfo=zone_info).astimezone(UTC)
        if _local(found, zone_info) == midnight:
            return found
        return _first_at_or_after(midnight, found, zone_info)
    except OverflowError:
        return EARLIEST if midnight.year == 1 else LATEST


def end_of_day(day: date, zone: str) -> datetime:
    """The end of this day in the zone, which is the first instant of the next day, in UTC."""
    return LATEST if day == date.max else beginning_of_day(day + DAY, zone)


def days_before(day: date, days: int) -> date:
    """The day so many days earlier, at the earliest the calendar's first."""
    return date.fromordinal(max(day.toordinal() - days, 1))


def _first_at_or_after(midnight: datetime, near: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of a day without midnight, because clocks went forward over it."""
    before, after = near - _FURTHEST, near + _FURTHEST
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _local(middle, zone) < midnight:
            before = middle
        else:
            after = middle
    return after


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
