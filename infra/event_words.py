"""Names of events in words."""

import re


def event_words(name: str) -> str:
    """An event's name in words: OrderPlaced is "order placed"."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()
