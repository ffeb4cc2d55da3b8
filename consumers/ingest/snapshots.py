"""Snapshots: stored settlings of long streams, because settling all their facts again would be expensive.

A snapshot is valid only for this code's rules and shape of state. Any other snapshot is ignored, and the stream is
settled from its facts.
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

# Streams of at least this many events get a snapshot; shorter ones are read again quickly.
LONG_STREAM = 24


class Snapshot(msgspec.Struct, Generic[State]):
    """A settling in which nothing waits: the last fact's place, and the state.

    `forbidden` says that the last instant has forbidden facts that another fact of that instant could still allow.
    `said` has the content of the facts that took effect at that instant. `rules` is the version of the rules; snapshots
    of stores before version 0005 have none.
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
    """The encoded settling, or None if the next message needs all facts again."""
    if not can_be_stepped_on(settling) or settling.last_sort_key is None:
        return None
    forbidden = bool(settling.forbidden) or settling.forgot_forbidden
    said = settling.fingerprints_of_instant()
    return _ENCODER.encode(Snapshot(settling.last_sort_key, forbidden, settling.state, RULES_VERSION, said))


def restore_snapshot(stream: str, snapshot: bytes) -> Settling[Any] | None:
    """The settling, ready for the next facts; it has no facts that were forbidden at its last instant.

    None if the snapshot has other rules, or a state that this code does not know.
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
