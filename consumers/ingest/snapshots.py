"""Keeping the settling of a long stream in the store, where it would cost much to take all its facts again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from domain.account.decider import AccountState
from domain.order.state import OrderState
from domain.rep.decider import RepState
from domain.settling import Settling
from domain.stepping import can_be_stepped_on
from domain.subject import DECIDER_OF, Kind, split_stream_name

State = TypeVar("State")

# A stream of this many events is kept in the store; a shorter one is read again in no time.
LONG_STREAM = 24


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


def keep(settling: Settling[Any]) -> bytes | None:
    """The settling encoded, or None when the next message needs all facts again."""
    if not can_be_stepped_on(settling) or settling.last_sort_key is None:
        return None
    forbidden = bool(settling.forbidden) or settling.forgot_forbidden
    return _ENCODER.encode(Kept(settling.last_sort_key, forbidden, settling.state))


def restore(stream: str, kept: bytes) -> Settling[Any]:
    """What was kept, as a settling that takes the next facts. What was forbidden at its last instant is not in it."""
    kind, _ = split_stream_name(stream)
    assert kind is not None
    decoded = _DECODERS[kind].decode(kept)
    return Settling(
        DECIDER_OF[kind],
        decoded.state,
        instant=decoded.place[0],
        last_sort_key=decoded.place,
        watched=False,
        forgot_forbidden=decoded.forbidden,
    )
