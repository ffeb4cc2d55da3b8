"""The topic of a message: that of its type, and for a void that of the message it names, if known."""

from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache

from consumers.contract import TOPIC_OF_TYPE

CACHED_SUBJECTS = 100_000
OTHERWISE = "orders"
"""The topic for a void of a subject without published messages, and for unknown types. Any topic works."""


class TopicChoice:
    """Caches the topics of the latest subjects."""

    def __init__(self) -> None:
        self._topic_of: LRUCache[str, str] = LRUCache(CACHED_SUBJECTS)

    def topic_for(self, message_type: object, subject: object) -> str:
        """The topic, without prefix. A message that was not parsed may have anything as its type and subject."""
        topics = TOPIC_OF_TYPE.get(message_type, ()) if isinstance(message_type, str) else ()
        if len(topics) != 1:
            return self._topic_of.get(subject, OTHERWISE) if isinstance(subject, str) else OTHERWISE
        if isinstance(subject, str):
            self._topic_of[subject] = topics[0]
        return topics[0]


def claimed(document: Any, attribute: str) -> str | None:
    """An attribute of unchecked JSON; None unless it is text that can be sent."""
    value = document.get(attribute) if isinstance(document, Mapping) else None
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
