"""Values as pages write them for people: spans of time, amounts, instants, how late."""

from datetime import UTC, datetime
from decimal import Decimal

MINUTES_A_DAY = 24 * 60
TIMES_FROM = Decimal(900)
"""From how many percent on a growth is told in times, because nobody reads 14247.46 %."""
LATE_STEPS = (Decimal(4), Decimal(24), Decimal(72), Decimal(168))
"""From how many hours on the gauge of lateness has two, three, four and five steps: half a day's work, a day, three, a
week."""


def span_text(hours: Decimal) -> str:
    """Hours in their two largest units, such as "3 h 20 min" or "13 d 4 h"."""
    minutes = round(abs(hours) * 60)
    if minutes == 0:
        return "less than a minute"
    days, rest = divmod(minutes, MINUTES_A_DAY)
    parts = [(days, "d"), (rest // 60, "h"), (rest % 60, "min")]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def late_step(hours: Decimal) -> int:
    """How many of five steps a gauge of lateness shows."""
    return 1 + sum(hours >= limit for limit in LATE_STEPS)


def money_text(amount: Decimal) -> str:
    """An amount with thousands apart and the digits that it has: "1,234.50"."""
    return format(amount, ",f")


def percent_text(percent: Decimal) -> str:
    """A share: "12.50 %", "1,250.00 %"."""
    return f"{percent:,f} %"


def growth_text(percent: Decimal) -> str:
    """A growth: "+12.50 %", and from ten times on, how many times as much as before."""
    return f"{percent:+f} %" if percent < TIMES_FROM else f"\N{MULTIPLICATION SIGN}{percent / 100 + 1:,.0f}"


def readable_instant(instant: datetime) -> str:
    """An instant for people, in UTC, to the minute; scripts write it in the viewer's zone."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def plain_words(value: str) -> str:
    """A stored word for people: "to_book" is "to book", "b2b" is "B2B"."""
    if value in ("b2b", "b2c"):
        return value.upper()
    return "in-house" if value == "in_house" else value.replace("_", " ")


def plain_amount(amount: Decimal) -> str:
    """A quantity without the zeros at its end: "2.5", "12"."""
    text = format(amount, ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text
