"""A dry run of the reactors: which messages they would state and withdraw."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import NamedTuple

from consumers.ingest.register import MessageKey
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.streams import split_stream_name, stream_name
from infra.app.container import Waybill


class PlannedMessage(NamedTuple):
    """A message that a reactor would store (`state`) or withdraw.

    `because` is the id of the message that it follows from. `verdict` is the one that it would get.
    """

    reactor: str
    action: str
    subject: str
    type: str | None
    time: datetime | None
    verdict: str | None
    because: str | None
    source: str
    id: str


def dry_run(waybill: Waybill) -> Sequence[PlannedMessage]:
    """What `waybill react --once` would store and withdraw now. It runs in one transaction that is rolled back."""
    planned = waybill.reactions(Event()).would_derive()
    stated = _facts(waybill, {one.message_key.subject for one in planned if one.fact is None})
    return [
        PlannedMessage(
            reactor=one.reactor,
            action="withdraw" if one.fact is None else "state",
            subject=one.message_key.subject,
            type=None if fact is None else fact.TYPE,
            time=None if fact is None else fact.occurred_at,
            verdict=None if one.verdict is None else one.verdict.value,
            because=None if fact is None else fact.causation_id,
            source=one.message_key.source,
            id=one.message_key.message_id,
        )
        for one in planned
        for fact in [one.fact or stated.get(one.message_key)]
    ]


def _facts(waybill: Waybill, orders: Collection[str]) -> Mapping[MessageKey, Fact]:
    """The facts of these orders, by message. All messages that can be withdrawn are about orders."""
    streams = [stream_name(ORDER, order) for order in sorted(orders)]
    found = waybill.history.facts_of_whole(streams, waybill.history.head())
    return {
        MessageKey(*fact.key, split_stream_name(stream)[1]): fact for stream, facts in found.items() for fact in facts
    }
