"""Instants as people give them: on the command line, in the address of a page, in a query of the HTTP API."""

from datetime import UTC, date, datetime, tzinfo


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
            f"{text!r} is not an instant; give one with offset, such as 2014-02-20T09:00:00Z, or a date"
        ) from None
    if instant.tzinfo is None:
        raise WrongInstantError(f"{text!r} has no offset; add Z for UTC, or one such as +01:00")
    return _in_utc(instant)


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise WrongInstantError("an instant must lie within the years 1 to 9999 in UTC") from None
