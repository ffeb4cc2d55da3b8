"""Instants as people give them: on the command line, in the address of a page, in a query of the HTTP API."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

_AGE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class WrongInstantError(ValueError):
    """The text is not an instant; the message quotes it and says how to give one."""


def instant_of(text: str, zone: tzinfo) -> datetime:
    """An instant with offset, such as 2014-02-20T09:00:00Z, in UTC, or a date, which means its start in `zone`.

    Raises WrongInstantError.
    """
    try:
        if len(text) == len("2014-02-20"):
            day = date.fromisoformat(text)
            return _in_utc(datetime(day.year, day.month, day.day, tzinfo=zone))
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WrongInstantError(
            f"{text!r} is not an instant; give one with offset, such as 2014-02-20T09:00:00Z, or a date, such as "
            "2014-02-20: it begins in the time zone of WAYBILL_TIME_ZONE"
        ) from None
    if instant.tzinfo is None:
        raise WrongInstantError(f"{text!r} has no offset; add Z for UTC, or one such as +01:00")
    return _in_utc(instant)


def is_age(text: str) -> bool:
    """Whether the text is an age, such as 90m, 12h, 3d or 2w."""
    return _AGE.fullmatch(text) is not None


def age_of(text: str) -> timedelta:
    """An age, such as 90m, 12h, 3d or 2w. Raises WrongInstantError."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise WrongInstantError(f"{text!r} is not an age; give a number with m, h, d or w, such as 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def since_of(text: str, zone: tzinfo, now: datetime) -> datetime:
    """An instant as `instant_of` reads it, or an age, such as 2h: so long before `now`. Raises WrongInstantError."""
    if not is_age(text):
        return instant_of(text, zone)
    try:
        return now - age_of(text)
    except OverflowError:
        raise WrongInstantError(f"{text} ago is before the year 1") from None


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise WrongInstantError("an instant must lie within the years 1 to 9999 in UTC") from None
