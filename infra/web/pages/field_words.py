"""The fields of orders in words, for people: names, values, and what a message changed."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from infra.web.deadlines import as_column
from infra.web.pages.fact_words import with_times
from infra.web.pages.words import plain_words

WORDS = {
    "left_to_book": "still to book",
    "rep_id": "rep",
    "placed_rep_id": "rep when placed",
    "account_id": "account",
    "delivered_rep_id": "rep when delivered",
    "follow_ups": "the customer waits to hear about",
    "original_promised_by": "first promised by",
    "estimated_delivery": "expected",
    "original_estimate": "first expected",
    "delivered_at": "complete since",
    "expedites_open": "expedite requests undecided",
    "delivery_attempts": "attempts to deliver",
}
"""Fields whose names alone do not say it."""
STORED_WORDS = frozenset({"stage", "mode", "delivered_mode", "channel", "expedite", "status"})
"""Fields with values such as to_book."""
CHANGE = re.compile(r"([a-z][a-z_]*): (.*)", re.DOTALL)
NEXT = re.compile(r"; (?=[a-z][a-z_]*: )")


def field_words(name: str) -> str:
    """A field's name in words: left_to_book is "still to book"."""
    return WORDS.get(name, name.replace("_", " "))


def stored_words(name: str, value: object) -> object:
    """The value of a field, in words where it is one of a few: "to book" for to_book."""
    return plain_words(value) if name in STORED_WORDS and isinstance(value, str) else value


def changes_in_words(text: str) -> Sequence[str | datetime]:
    """What a message changed, such as "stage: to_book → booked; left_to_book: yes → no", in words and instants."""
    return [part for change in _changes(text) for part in change]


def _changes(text: str) -> Iterator[Sequence[str | datetime]]:
    for number, part in enumerate(NEXT.split(text)):
        found = CHANGE.fullmatch(part)
        before = "; " if number else ""
        if found is None:
            yield (before, *with_times(part))
            continue
        name, values = found[1], found[2]
        said = " → ".join(str(stored_words(name, value)) for value in values.split(" → "))
        yield (f"{before}{field_words(name)}: ", *(as_column(name, each) for each in with_times(said)))
