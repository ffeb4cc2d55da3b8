"""A dry run of the reactors: which messages they would state and withdraw."""

from collections.abc import Sequence
from datetime import datetime
from threading import Event
from typing import NamedTuple

from infra.app.container import Waybill


class PlannedMessage(NamedTuple):
    """A message that a reactor would store (`state`) or withdraw. What is withdrawn is named by its id alone.

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
    return [
        PlannedMessage(
            reactor=one.reactor,
            action="withdraw" if one.fact is None else "state",
            subject=one.message_key.subject,
            type=None if one.fact is None else one.fact.TYPE,
            time=None if one.fact is None else one.fact.occurred_at,
            verdict=None if one.verdict is None else one.verdict.value,
            because=None if one.fact is None else one.fact.causation_id,
            source=one.message_key.source,
            id=one.message_key.message_id,
        )
        for one in waybill.reactions(Event()).would_derive()
    ]
