"""Facts in words, for pages: names of events, what a message said, and how late it was known."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from domain.fact import Fact, StreamEvent
from infra.event_words import event_words as event_words_lower
from infra.web.pages.time_words import duration_in_words
from infra.web.pages.timeline_tracks import Period, is_imported, is_late

INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


def event_words(name: str) -> str:
    """An event's name in words, as the beginning of a line: OrderPlaced is "Order placed"."""
    return event_words_lower(name).capitalize()


def known_later(occurred_at: datetime | None, recorded_at: datetime, imported: Period | None = None) -> str:
    """How much later something was recorded than it happened, such as "2 d 3 h".

    Empty for what was known at once, and for what came with an import of most facts (`imported`: when that was).
    """
    if occurred_at is None or not is_late(occurred_at, recorded_at, imported):
        return ""
    return duration_in_words(recorded_at - occurred_at)


class HowKnown(NamedTuple):
    """How a fact became known, in words; `later` than it happened, or at once."""

    words: str
    later: bool


def how_known(occurred_at: datetime | None, recorded_at: datetime, imported: Period | None) -> HowKnown:
    """How a fact became known; `imported` is when most facts were."""
    late = known_later(occurred_at, recorded_at, imported)
    if late:
        return HowKnown(f"{late} later", later=True)
    return HowKnown("by import" if is_imported(recorded_at, imported) else "at once", later=False)


def with_times(text: str) -> Sequence[str | datetime]:
    """The text cut at the instants in it, such as those of a timeline's "promised_by: 2026-03-01T09:00:00Z"."""
    parts: list[str | datetime] = []
    end = 0
    for found in INSTANT.finditer(text):
        try:
            instant = datetime.fromisoformat(found[0])
        except ValueError:  # digits that are no date
            continue
        parts += [text[end : found.start()], instant]
        end = found.end()
    return [*parts, text[end:]]


def data_of(event: StreamEvent) -> list[tuple[str, Any]]:
    """The data that a message gave, field by field, without those that it left out; rows as lists of fields."""
    if not isinstance(event, Fact):
        return []
    found = [(name, getattr(event, name)) for name in event.DATA_FIELDS]
    return [(name, _told(value)) for name, value in found if value is not None and value is not msgspec.UNSET]


def _told(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_told(part) for part in value]
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return ", ".join(f"{name.replace('_', ' ')} {_text(part)}" for name, part in fields.items() if part is not None)
    return value


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def plain(value: Any) -> Any:
    """A value of a row or field for a page: structures as text, instants and decimals as they are."""
    if isinstance(value, tuple | list):
        return ", ".join(str(plain(part)) for part in value)
    if isinstance(value, msgspec.Struct):
        return _told(value)
    return value
