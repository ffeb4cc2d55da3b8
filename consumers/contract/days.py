"""Days: the meaning of a date without a time.

A date alone in `promised_by`, `needed_by` or `estimated_delivery` is the end of that day, which is the first instant of
the next one; in `pickup_at` it is the day's beginning. The day is in the message's `data.time_zone`, else in the
business zone. The event has the instant; the date is not needed later.
"""

from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from domain.days import beginning_of_day, end_of_day


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


def instant_of(day: Day, zone: str) -> datetime:
    """The day's end or beginning in this zone (a name of the IANA database), in UTC.

    A day beyond the years 0001 to 9999 becomes the latest or earliest instant within them.
    """
    return end_of_day(day.day, zone) if day.ends else beginning_of_day(day.day, zone)
