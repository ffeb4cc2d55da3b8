"""Keeping the settling of a long stream in the store, where it would cost much to take all its facts again."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from domain.fact import SortKey
from domain.kind import Kind
from domain.kinds import KINDS
from domain.settling import Settling
from domain.stepping import can_be_stepped_on
from domain.streams import split_stream_name

State = TypeVar("State")

# A stream of this many events is kept in the store; a shorter one is read again in no time.
LONG_STREAM = 24


class Snapshot(msgspec.Struct, Generic[State]):
    """What a settling comes to when nothing waits: the last fact's place, and the state.

    `forbidden` tells that the last instant has facts that another one of that instant might still allow.
    """

    sort_key: SortKey = msgspec.field(name="place")  # the name in stores that were written before
    forbidden: bool
    state: State


_ENCODER = msgspec.json.Encoder()
_DECODERS: Mapping[Kind, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(Snapshot[kind.state])  # type: ignore[name-defined]
    for kind in KINDS
}


def take_snapshot(settling: Settling[Any]) -> bytes | None:
    """The settling encoded, or None when the next message needs all facts again."""
    if not can_be_stepped_on(settling) or settling.last_sort_key is None:
        return None
    forbidden = bool(settling.forbidden) or settling.forgot_forbidden
    return _ENCODER.encode(Snapshot(settling.last_sort_key, forbidden, settling.state))


def restore_snapshot(stream: str, snapshot: bytes) -> Settling[Any]:
    """What was kept, as a settling that takes the next facts. What was forbidden at its last instant is not in it."""
    kind, _ = split_stream_name(stream)
    assert kind is not None
    decoded = _DECODERS[kind].decode(snapshot)
    return Settling(
        kind.decider,
        decoded.state,
        instant=decoded.sort_key[0],
        last_sort_key=decoded.sort_key,
        watched=False,
        forgot_forbidden=decoded.forbidden,
    )
