"""Days: the meaning of a date without a time.

A date alone in `promised_by`, `needed_by` or `estimated_delivery` is the end of that day, which is the first instant of
the next one; in `pickup_at` it is the day's beginning. The day is in the message's `data.time_zone`, else in the
business zone. The event has the instant; the date is not needed later.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

_DAY = timedelta(days=1)
# No zone is further from UTC, and no gap in a zone's days is longer.
_FURTHEST = timedelta(hours=50)
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class Day(NamedTuple):
    """A date without a time, as it was sent. `ends` says whether its end or its start is meant."""

    day: date
    ends: bool


def with_instants(data: dict[str, Any], zone: str) -> dict[str, Any]:
    """The data of a message with an instant for each date, in its fields and in its lines' fields."""
    return {name: _with_instant(value, zone) for name, value in data.items()}


def _with_instant(value: Any, zone: str) -> Any:
    if type(value) is Day:
        return instant_of(value, zone)
    if type(value) is tuple and any(type(getattr(line, "promised_by", None)) is Day for line in value):
        return tuple(_line_with_instant(line, zone) for line in value)
    return value


def _line_with_instant(line: Any, zone: str) -> Any:
    day = line.promised_by
    return msgspec.structs.replace(line, promised_by=instant_of(day, zone)) if type(day) is Day else line


@lru_cache(maxsize=4096)
def instant_of(day: Day, zone: str) -> datetime:
    """The day's end or beginning in this zone (a name of the IANA database), in UTC.

    A day beyond the years 0001 to 9999 becomes the latest or earliest instant within them.
    """
    try:
        midnight = datetime.combine(day.day + _DAY if day.ends else day.day, datetime.min.time())
    except OverflowError:
        return LATEST
    zone_info = ZoneInfo(zone)
    try:
        found = midnight.replace(tzinfo=zone_info).astimezone(UTC)
        if _local(found, zone_info) == midnight:
            return found
        return _first_at_or_after(midnight, found, zone_info)
    except OverflowError:
        return EARLIEST if midnight.year == 1 else LATEST


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
