"""Stepping a settling on: the usual message is the newest of its subject, and nothing waits there.

Then the settling as it was takes the new facts on top, and ends where settling all of them anew would end. All else (a
late message, a void, something that waits) needs all facts of the stream.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from domain.fact import Fact, place_of
from domain.record import MessageVoided
from domain.settling import Settling

REMEMBERED_STREAMS = 8_192


class Recent:
    """Settlings of recent batches, each with the version of the stream that it reflects.

    Until another process writes to the store, a stream surely stands at that version. A settling is taken out to be
    stepped on, which changes it, and put back when its batch is stored: one whose batch was rolled back is gone, and
    will be settled anew.
    """

    def __init__(self, capacity: int = REMEMBERED_STREAMS):
        self._capacity = capacity
        self._settlings: OrderedDict[str, tuple[int, Settling[Any]]] = OrderedDict()
        self._head = 0
        self._surely: set[str] = set()

    def seen(self, head: int) -> None:
        """The store's newest event is at this position. If that is not our own last one, any stream may have moved."""
        if head != self._head:
            self._surely.clear()
            self._head = head

    def stored(self, head: int) -> None:
        """A batch of our own was stored, up to the event at this position."""
        self._head = head

    def surely(self, stream: str) -> int | None:
        """The version at which a stream stands for sure; None when the store has to be asked."""
        return self._settlings[stream][0] if stream in self._surely else None

    def take(self, stream: str, version: int) -> Settling[Any] | None:
        """The stream's settling if it reflects this version; another process may have stored more since."""
        remembered = self._settlings.pop(stream, None)
        self._surely.discard(stream)
        return remembered[1] if remembered is not None and remembered[0] == version else None

    def put(self, stream: str, version: int, settling: Settling[Any]) -> None:
        """Remember it, unless its next fact would need all facts again."""
        if not can_be_stepped_on(settling):
            return
        self._settlings[stream] = (version, settling)
        self._surely.add(stream)
        if len(self._settlings) > self._capacity:
            self._surely.discard(self._settlings.popitem(last=False)[0])


def can_be_stepped_on(settling: Settling[Any]) -> bool:
    """True when no fact waits and none is a void: then a later fact changes no earlier verdict."""
    return not settling.waiting and not settling.has_voids


def comes_after(settling: Settling[Any], facts: Sequence[Fact]) -> bool:
    """True when all these facts, none a void, have their places after what was taken."""
    for fact in facts:
        if isinstance(fact, MessageVoided):
            return False
    if settling.last_place is None or not facts:
        return True
    first = facts[0] if len(facts) == 1 else min(facts, key=place_of)
    if place_of(first) <= settling.last_place:
        return False
    # At one and the same instant, what was forbidden may be allowed by what comes now: an earlier verdict would change.
    same_instant = first.occurred_at == settling.last_place[0]
    return not same_instant or (settling.instant is not None and not settling.forbidden)


def step_on(settling: Settling[Any], facts: Sequence[Fact]) -> None:
    """Take new facts on top. Afterwards `settling.outcomes` has theirs alone; no earlier one changed."""
    settling.outcomes = {}
    for fact in sorted(facts, key=place_of) if len(facts) > 1 else facts:
        settling.take(fact)
