"""Pruning: the events of a closed order leave the store, because an archive has them and its rows stay.

In the stream one event remains, `StreamPruned`, in the place after the last one. So a stream that has this event, and
whose first event is not number 1, is pruned: every reader knows it from its events alone. Where all events are present
(in the archive, and after they were brought back) the event means nothing.

A pruned stream cannot be settled: half a history would give wrong answers. Whoever tries gets PrunedStreamError, unless
it says what is to happen instead. Ingest holds what comes for such an order until its events are brought back.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from domain.clock_holds import outcome_of_held
from domain.fact import Fact, StreamEvent, register_event
from domain.verdict import HELD, Outcome

PRUNED = "the events of its order"
"""What a message of a pruned order waits for, as Objection.awaits names it."""


@register_event
class StreamPruned(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The events of this stream before this one left the store; the archive has them.

    `archive` is where it was then, without secrets, and `archive_id` what it is whatever its place. `events` is how
    many events left, and `digest` the sum of their hashes (infra/archive/event_digest.py). `first_position` and
    `last_position` are the positions of the first and the last of them, and `messages` says how many messages the
    register has of them. `operator` pruned it.
    """

    TOPIC: ClassVar[str] = "stream.pruned"

    archive: str
    archive_id: str
    events: int
    digest: str
    first_position: int
    last_position: int
    messages: int
    operator: str

    def apply(self, aggregate: Any) -> None:
        """A subject's facts do not change by it."""


@register_event
class StreamRestored(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The events of this stream were brought back from the archive, each at its old position and version."""

    TOPIC: ClassVar[str] = "stream.restored"

    archive_id: str
    events: int
    operator: str

    def apply(self, aggregate: Any) -> None:
        """A subject's facts do not change by it."""


class PrunedStreamError(Exception):
    """The history of this order is not in the store; the message says where it is."""

    def __init__(self, pruned: StreamPruned):
        super().__init__(
            f"order {order_of(pruned)} was pruned on {pruned.recorded_at:%Y-%m-%d}: its rows are here, its events are "
            f"in the archive {pruned.archive}"
        )
        self.pruned = pruned


def order_of(pruned: StreamPruned) -> str:
    """The id of the order that was pruned: no other kind of subject is."""
    return pruned.originator_id.removeprefix("order-")


def pruned_by(events: Sequence[StreamEvent]) -> StreamPruned | None:
    """By which event a stream is pruned; `events` are all that the store has of it, in order. None: it is whole."""
    if not events or events[0].originator_version == 1:
        return None
    return next((event for event in reversed(events) if isinstance(event, StreamPruned)), None)


def outcome_of_pruned(fact: Fact, pruned: StreamPruned) -> Outcome:
    """The outcome of a message that came for an order that was pruned: it waits for the order's events."""
    if fact.held_until is not None:
        return outcome_of_held(fact)
    return Outcome(
        HELD,
        f"its order was pruned on {pruned.recorded_at:%Y-%m-%d}: it waits until the order's events are brought "
        f"back from the archive {pruned.archive}",
    )
