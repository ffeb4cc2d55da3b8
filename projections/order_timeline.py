"""order_timeline: an order's events in the order in which they count, read from its stream."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from domain.derived import WITHDRAWN, MessageWithdrawn
from domain.events import VerdictChanged
from domain.fact import MESSAGE_TYPES, Fact, FactKey, SortKey, StreamEvent
from domain.settling import Settling
from domain.standing_order.events import Every
from domain.verdict import Outcome, Verdict

AFTER_ALL_RANKS = len(MESSAGE_TYPES)
NOT_TOLD = frozenset(
    {
        *("latest_estimate", "no_estimate", "delay_owed_since", "closed_at"),
        *("changed_lines", "changed_shipments", "changed_expedites"),
    }
)
"""Fields for views; the timeline reports the same changes by other fields."""


class TimelineEntry(NamedTuple):
    """One event. `took_effect_at` is None unless it took effect.

    `position` is its position in the store; None for a derived message that followed from what was known once, and was
    never stored.
    """

    position: int | None
    recorded_at: datetime
    occurred_at: datetime | None
    took_effect_at: datetime | None
    event: str
    verdict: str
    what_changed: str
    source: str
    message_id: str


def order_timeline(events: Iterable[tuple[int | None, StreamEvent]], settling: Settling[Any]) -> list[TimelineEntry]:
    """The facts that were settled and the verdict changes of a stream, in the order in which they took effect.

    Works for any subject. A fact that did not take effect is placed at its own time; a changed verdict or a withdrawal
    is placed where it was recorded. `events` are in the order of the stream.
    """
    changed = what_each_changed(settling)
    told = list(events)
    gone = set(_withdrawn(told))
    entries: list[tuple[tuple[datetime, float, SortKey], TimelineEntry]] = []
    for position, event in told:
        if isinstance(event, Fact) and event.originator_version in gone:
            entries.append(((event.occurred_at, math.inf, event.sort_key), _of_withdrawn(position, event)))
        elif isinstance(event, Fact):
            outcome = settling.outcomes.get(event.key)
            if outcome is None:
                continue
            when = outcome.took_effect_at or event.occurred_at
            # At one instant, first the facts that took effect, in their order, then the others.
            turn = changed[event.key][0] if event.key in changed else math.inf
            entries.append(((when, turn, event.sort_key), _of_fact(position, event, outcome, changed)))
        elif isinstance(event, VerdictChanged):
            last = (event.recorded_at, AFTER_ALL_RANKS, *event.key)
            entries.append(((event.recorded_at, math.inf, last), _of_change(position, event)))
        elif isinstance(event, MessageWithdrawn):
            last = (event.recorded_at, AFTER_ALL_RANKS, *event.key)
            entries.append(((event.recorded_at, math.inf, last), _of_withdrawn(position, event)))
    return [entry for _, entry in sorted(entries, key=itemgetter(0))]


def _withdrawn(events: Sequence[tuple[int | None, StreamEvent]]) -> Iterator[int]:
    """The versions of the facts that were withdrawn after they were stored."""
    standing: dict[FactKey, int] = {}
    for _, event in events:
        if isinstance(event, Fact):
            standing[event.key] = event.originator_version
        elif isinstance(event, MessageWithdrawn) and event.key in standing:
            yield standing.pop(event.key)


def event_name(event: StreamEvent) -> str:
    """How the timeline names an event, such as `OrderPlaced`."""
    return type(event).__name__


def what_each_changed(settling: Settling[Any]) -> dict[FactKey, tuple[int, str]]:
    """For each fact that took effect: its rank, and the visible change, such as "stage: booked → in_transit"."""
    said: dict[FactKey, tuple[int, str]] = {}
    before: Any = None
    for turn, (_, fact, after) in enumerate(settling.moments):
        said[fact.key] = (turn, "; ".join(_differences(before, after)))
        before = after
    return said


def _of_fact(
    position: int | None, fact: Fact, outcome: Outcome, changed: dict[FactKey, tuple[int, str]]
) -> TimelineEntry:
    applied = outcome.verdict is Verdict.APPLIED
    return TimelineEntry(
        position=position,
        recorded_at=fact.recorded_at,
        occurred_at=fact.occurred_at,
        took_effect_at=outcome.took_effect_at,
        event=event_name(fact),
        verdict=outcome.verdict.value,
        what_changed=changed.get(fact.key, (0, ""))[1] if applied else outcome.reason,
        source=fact.source,
        message_id=fact.message_id,
    )


def _of_change(position: int | None, change: VerdictChanged) -> TimelineEntry:
    because = (
        f", because of message {change.because_of_id} of {change.because_of_source}" if change.because_of_id else ""
    )
    reason = f": {change.reason}" if change.reason else ""
    return TimelineEntry(
        position=position,
        recorded_at=change.recorded_at,
        occurred_at=None,
        took_effect_at=None,
        event=event_name(change),
        verdict=change.verdict.value,
        what_changed=f"{change.verdict_before.value} → {change.verdict.value}{because}{reason}",
        source=change.source,
        message_id=change.message_id,
    )


def _of_withdrawn(position: int | None, event: Fact | MessageWithdrawn) -> TimelineEntry:
    """A derived message whose reason is gone, or its withdrawal."""
    return TimelineEntry(
        position=position,
        recorded_at=event.recorded_at,
        occurred_at=event.occurred_at if isinstance(event, Fact) else None,
        took_effect_at=None,
        event=event_name(event),
        verdict="withdrawn",
        what_changed=WITHDRAWN,
        source=event.source,
        message_id=event.message_id,
    )


def _differences(before: Any, after: Any) -> Sequence[str]:
    if after is None:
        return ()
    names = [name for name in after.__struct_fields__ if name not in NOT_TOLD and name != after.__struct_fields__[0]]
    if before is None:
        return [f"{name}: {_said(value)}" for name in names if (value := getattr(after, name)) not in (None, (), False)]
    return [
        f"{name}: {_said(getattr(before, name))} → {_said(getattr(after, name))}"
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]


def _said(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return ", ".join(_said(part) for part in value)
    if isinstance(value, Every):
        return str(value)
    if isinstance(value, msgspec.Struct):
        return f"{value.about}" + (f" {value.request_id}" if value.request_id else "")  # type: ignore[attr-defined]
    return str(value)
