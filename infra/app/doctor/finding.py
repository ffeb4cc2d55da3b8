"""A finding: what is wrong, since when, and what to type."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """WRONG needs somebody now, and makes the command exit with 1. WARNING can wait until the morning."""

    WRONG = "wrong"
    WARNING = "warning"


class Finding(NamedTuple):
    """`check` names the check, `problem` says it in plain words; `since` is in UTC, None if unknown.

    `to_type` is a command, or what to do where no command helps.
    """

    level: Level
    check: str
    problem: str
    since: datetime | None
    to_type: str


def wrong(check: str, problem: str, to_type: str, since: datetime | None = None) -> Finding:
    return Finding(Level.WRONG, check, problem, since, to_type)


def warning(check: str, problem: str, to_type: str, since: datetime | None = None) -> Finding:
    return Finding(Level.WARNING, check, problem, since, to_type)


def duration(span: timedelta) -> str:
    """A span for people, such as `3 h 20 min`: the two largest units."""
    seconds = int(abs(span).total_seconds())
    parts = [
        f"{count} {unit}"
        for count, unit in (
            (seconds // 86_400, "d"),
            (seconds // 3_600 % 24, "h"),
            (seconds // 60 % 60, "min"),
            (seconds % 60, "s"),
        )
        if count
    ]
    return " ".join(parts[:2]) or "0 s"
