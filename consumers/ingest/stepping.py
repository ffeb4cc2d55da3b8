"""Stepping a kept settling on, or settling a stream anew: which one a batch needs, and both giving the same.

The usual message is the newest of its subject, and nothing waits there. Then the state that was kept after the last
batch is stepped on. All else (a late message, a void, something that waits) needs all facts of the stream.
"""

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


def keep(settling: Settling[Any], *, has_voids: bool) -> bytes | None:
    """The settling encoded, or None when the next message needs all facts again."""
    if has_voids or settling.waiting or settling.last_place is None:
        return None
    return _ENCODER.encode(Kept(settling.last_place, bool(settling.forbidden), settling.state))


def step_on(stream: str, kept: bytes | None, facts: Sequence[Fact]) -> Settling[Any] | None:
    """Take the facts, which are new, on top of what was kept; None when the stream has to be settled anew.

    The outcomes of the returned settling are those of the new facts alone; no earlier one changes.
    """
    kind, _ = split_stream_name(stream)
    if kept is None or kind is None or any(isinstance(fact, MessageVoided) for fact in facts):
        return None
    in_order = sorted(facts, key=lambda fact: fact.place)
    before = _DECODERS[kind].decode(kept)
    first = in_order[0]
    if first.place <= before.place or (before.forbidden and first.occurred_at == before.place[0]):
        return None
    settling = Settling(
        SETTLING_OF[kind], before.state, instant=before.place[0], last_place=before.place, watched=False
    )
    for fact in in_order:
        settling.take(fact)
    return settling


def settle_anew(stream: str, facts: Sequence[Fact]) -> tuple[Settling[Any], bytes | None]:
    """Settle all facts of a stream; also what to keep of it."""
    settling = settle_stream(stream, list(facts), watched=False)
    return settling, keep(settling, has_voids=any(isinstance(fact, MessageVoided) for fact in facts))
