"""Instants and durations in short words, for pictures and sentences, where no <time> element can stand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from infra.web.deadlines import day_ended_by
from infra.web.pages.words import span_text

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_in_words(instant: datetime) -> str:
    """The day in UTC, such as "3 Mar"."""
    instant = instant.astimezone(UTC)
    return f"{instant.day} {MONTHS[instant.month - 1]}"


def instant_in_words(instant: datetime) -> str:
    """The instant, such as "3 Mar 2026 09:00 UTC"."""
    instant = instant.astimezone(UTC)
    return f"{day_in_words(instant)} {instant.year:04} {instant:%H:%M} UTC"


def deadline_in_words(instant: datetime) -> str:
    """A deadline; the end of a day in UTC, the zone of pictures, is that day: "the end of 3 Mar 2026"."""
    day = day_ended_by(instant, "UTC")
    return instant_in_words(instant) if day is None else f"the end of {day.day} {MONTHS[day.month - 1]} {day.year:04}"


def duration_in_words(duration: timedelta) -> str:
    """A duration, whatever its sign, in its two largest units, such as "2 d 3 h"."""
    return span_text(Decimal(int(duration.total_seconds())) / 3600)
