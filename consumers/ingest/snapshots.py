"""Snapshots: the settlings of long streams, stored, since it would cost much to settle all their facts anew.

A snapshot holds only while it is of the rules and of the shape of state that this code has. Any other counts as none:
then the stream is settled from its facts.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from domain.fact import SortKey
from domain.kind import Kind
from domain.kinds import KINDS
from domain.rules_version import RULES_VERSION
from domain.settling import Settling
from domain.stepping import can_be_stepped_on
from domain.streams import split_stream_name

State = TypeVar("State")

# A stream of this many events has a snapshot; a shorter one is read again in no time.
LONG_STREAM = 24


class Snapshot(msgspec.Struct, Generic[State]):
    """What a settling comes to when nothing waits: the last fact's place, and the state.

    `forbidden` says that the last instant has facts that another one of that instant might still allow, and `said` is
    what was said by those that took effect at it. `rules` is the version of the rules; snapshots of stores before
    version 0005 have none.
    """

    sort_key: SortKey
    forbidden: bool
    state: State
    rules: int
    said: list[str] = []


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
    said = settling.fingerprints_of_instant()
    return _ENCODER.encode(Snapshot(settling.last_sort_key, forbidden, settling.state, RULES_VERSION, said))


def restore_snapshot(stream: str, snapshot: bytes) -> Settling[Any] | None:
    """The settling, which takes the next facts; what was forbidden at its last instant is not in it.

    None when the snapshot is of other rules, or of a state that this code does not know.
    """
    kind, _ = split_stream_name(stream)
    assert kind is not None
    try:
        decoded = _DECODERS[kind].decode(snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if decoded.rules != RULES_VERSION:
        return None
    return Settling(
        kind.decider,
        decoded.state,
        instant=decoded.sort_key[0],
        last_sort_key=decoded.sort_key,
        watched=False,
        forgot_forbidden=decoded.forbidden,
        fingerprints=frozenset(decoded.said),
    )
