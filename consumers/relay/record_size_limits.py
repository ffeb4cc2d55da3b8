"""Fits records to their topics' size limits: copies are truncated, other records are left out."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from consumers.relay.dead_letter_copies import letter_id_in, shortened
from consumers.sinks.sink import Record, Sink


class LeftOut(NamedTuple):
    """A record that is too large for its topic, in bytes. `event_id` is its id, or that of the copied letter."""

    topic: str
    key: str | None
    event_id: str
    size: int
    largest: int


def fit(records: Sequence[Record], sink: Sink) -> tuple[list[Record], list[LeftOut]]:
    """The records that can be sent, in order, and those that their topics can never take."""
    sent, left_out = [], []
    for record in records:
        fitting = _fitting(record, sink)
        if fitting is not None:
            sent.append(fitting)
        else:
            key = None if record.key is None else record.key.decode(errors="replace")
            left_out.append(
                LeftOut(record.topic, key, _event_id(record), sink.size(record), sink.largest(record.topic))
            )
    return sent, left_out


def _fitting(record: Record, sink: Sink) -> Record | None:
    excess = sink.size(record) - sink.largest(record.topic)
    if excess <= 0:
        return record
    if letter_id_in(record) is None:
        return None
    candidates = shortened(record, excess)
    return next((one for one in candidates if sink.size(one) <= sink.largest(record.topic)), None)


class _Identified(msgspec.Struct):
    id: str


def _event_id(record: Record) -> str:
    return letter_id_in(record) or msgspec.json.decode(record.value, type=_Identified).id
