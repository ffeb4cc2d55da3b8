"""Deadlines: instants that are often the end of a day, such as a promise. They are shown as that day.

The contract keeps a day alone as the first instant of the next day; shown as an instant, it would read as the next day.
"""

from datetime import date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

DEADLINES = frozenset(
    {"promised_by", "original_promised_by", "needed_by", "estimated_delivery", "original_estimate", "latest_estimate"}
)
"""The columns and fields that are deadlines."""


class Deadline(datetime):
    """An instant (aware) that a page shows as the end of a day, where it is that in the business zone."""

    @classmethod
    def of(cls, instant: datetime) -> Self:
        return cls.combine(instant.date(), instant.timetz())


def deadline(instant: datetime | None) -> Deadline | None:
    """The instant as a deadline; None stays None."""
    return None if instant is None else Deadline.of(instant)


def as_column(name: str, value: Any) -> Any:
    """The value of a column or field of this name, as a deadline if it is one."""
    return Deadline.of(value) if name in DEADLINES and isinstance(value, datetime) else value


def day_ended_by(instant: datetime, zone: str) -> date | None:
    """The day of which an instant is the end in a zone (IANA name); None: it lies within a day."""
    try:
        local = instant.astimezone(ZoneInfo(zone))
    except OverflowError:  # beside the first or the last instant there can be
        return None
    if local.time() != datetime.min.time() or local.date() == date.min:
        return None
    return local.date() - timedelta(days=1)
