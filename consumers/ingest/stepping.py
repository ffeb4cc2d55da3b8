"""Stepping a settling on, or settling a stream anew: which one a batch needs, and both giving the same.

The usual message is the newest of its subject, and nothing waits there. Then the settling as it was after the last
batch takes the new facts on top. All else (a late message, a void, something that waits) needs all facts of the stream.

Settlings of recent batches are remembered in memory. Those of long streams are kept in the store too, since there it
would cost much to take all facts again.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from domain.account.subject import AccountState
from domain.fact import Fact
from domain.order.state import OrderState
from domain.record import MessageVoided
from domain.rep.subject import RepState
from domain.settling import Settling
from domain.subject import SETTLING_OF, Kind, settle_stream, split_stream_name

State = TypeVar("State")

# A stream of this many events is kept in the store; a shorter one is read again in no time.
LONG_STREAM = 24
REMEMBERED_STREAMS = 8_192


class Kept(msgspec.Struct, Generic[State]):
    """What a settling comes to when nothing waits: the last fact's place, and the state.

    `forbidden` tells that the last instant has facts that another one of that instant might still allow.
    """

    place: tuple[datetime, int, str, str]
    forbidden: bool
    state: State


_ENCODER = msgspec.json.Encoder()
_DECODERS: Mapping[Kind, msgspec.json.Decoder[Any]] = {
    Kind.ORDER: msgspec.json.Decoder(Kept[OrderState]),
    Kind.REP: msgspec.json.Decoder(Kept[RepState]),
    Kind.ACCOUNT: msgspec.json.Decoder(Kept[AccountState]),
}


class Recent:
    """Settlings of recent batches, each with the version of the stream that it reflects.

    A settling is taken out to be stepped on, which changes it, and put back when its batch is stored: one whose batch
    was rolled back is gone, and will be settled anew.
    """

    def __init__(self, capacity: int = REMEMBERED_STREAMS):
        self._capacity = capacity
        self._settlings: OrderedDict[str, tuple[int, Settling[Any]]] = OrderedDict()

    def take(self, stream: str, version: int) -> Settling[Any] | None:
        """The stream's settling if it reflects this version; another process may have stored more since."""
        remembered = self._settlings.pop(stream, None)
        return remembered[1] if remembered is not None and remembered[0] == version else None

    def put(self, stream: str, version: int, settling: Settling[Any]) -> None:
        self._settlings[stream] = (version, settling)
        if len(self._settlings) > self._capacity:
            self._settlings.popitem(last=False)


def keep(settling: Settling[Any]) -> bytes | None:
    """The settling encoded, or None when the next message needs all facts again."""
    if not can_be_stepped_on(settling) or settling.last_place is None:
        return None
    return _ENCODER.encode(Kept(settling.last_place, bool(settling.forbidden), settling.state))


def restore(stream: str, kept: bytes) -> Settling[Any]:
    """What was kept, as a settling that takes the next facts. What was forbidden at its last instant is not in it."""
    kind, _ = split_stream_name(stream)
    assert kind is not None
    decoded = _DECODERS[kind].decode(kept)
    # Facts that were forbidden are not kept, so this settling is no match for another fact of that very instant.
    instant = None if decoded.forbidden else decoded.place[0]
    return Settling(SETTLING_OF[kind], decoded.state, instant=instant, last_place=decoded.place, watched=False)


def can_be_stepped_on(settling: Settling[Any]) -> bool:
    """True when no fact waits and none is a void: then a later fact changes no earlier verdict."""
    return not settling.waiting and not settling.has_voids


def comes_after(settling: Settling[Any], facts: Sequence[Fact]) -> bool:
    """True when all these facts, none a void, have their places after what was taken."""
    if any(isinstance(fact, MessageVoided) for fact in facts):
        return False
    if settling.last_place is None:
        return True
    first = min(facts, key=lambda fact: fact.place)
    if first.place <= settling.last_place:
        return False
    # At one and the same instant, what was forbidden may be allowed by what comes now: an earlier verdict would change.
    same_instant = first.occurred_at == settling.last_place[0]
    return not same_instant or (settling.instant is not None and not settling.forbidden)


def step_on(settling: Settling[Any], facts: Sequence[Fact]) -> None:
    """Take new facts on top. Afterwards `settling.outcomes` has theirs alone; no earlier one changed."""
    settling.outcomes = {}
    for fact in sorted(facts, key=lambda fact: fact.place):
        settling.take(fact)


def settle_anew(stream: str, facts: Sequence[Fact]) -> Settling[Any]:
    """Settle all facts of a stream."""
    return settle_stream(stream, list(facts), watched=False)
