"""Which topic a message is published on: its type's, and for a void that of the message it names, as far as known."""

from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache

from consumers.contract import TOPIC_OF_TYPE

CACHED_SUBJECTS = 100_000
OTHERWISE = "orders"
"""Where a void goes of whose subject nothing was published, and a message of no known type. Any topic is right."""


class TopicChoice:
    """Caches on which topic each of the last subjects was published."""

    def __init__(self) -> None:
        self._topic_of: LRUCache[str, str] = LRUCache(CACHED_SUBJECTS)

    def topic_for(self, message_type: object, subject: object) -> str:
        """The topic, without prefix. What was not read may have anything as its type and subject."""
        topics = TOPIC_OF_TYPE.get(message_type, ()) if isinstance(message_type, str) else ()
        if len(topics) != 1:
            return self._topic_of.get(subject, OTHERWISE) if isinstance(subject, str) else OTHERWISE
        if isinstance(subject, str):
            self._topic_of[subject] = topics[0]
        return topics[0]


def claimed(document: Any, attribute: str) -> str | None:
    """An attribute of what may be no message at all; None unless it is text that can be sent."""
    value = document.get(attribute) if isinstance(document, Mapping) else None
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
