"""A fact: one well-formed message, stored permanently as an event of its subject."""

from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.utils import register_topic

# The rank of a message type decides the order of facts of one instant. The list is the contract's table, from top to
# bottom. Add new types at the end: a changed rank would change the verdicts of old histories.
MESSAGE_TYPES = (
    "order.placed.v1",
    "order.amended.v1",
    "order.reassigned.v1",
    "order.rescheduled.v1",
    "order.cancelled.v1",
    "expedite.requested.v1",
    "expedite.granted.v1",
    "expedite.declined.v1",
    "customer.informed.v1",
    "shipment.booked.v1",
    "shipment.rebooked.v1",
    "shipment.dispatched.v1",
    "shipment.delayed.v1",
    "shipment.cancelled.v1",
    "delivery.attempted.v1",
    "delivery.confirmed.v1",
    "message.voided.v1",
    "customer.contacted.v1",
    "rep.registered.v1",
    "rep.changed.v1",
    "rep.quota_set.v1",
    "rep.pay_plan_set.v1",
    "account.registered.v1",
    "account.assigned.v1",
    "standing_order.established.v1",
    "standing_order.stopped.v1",
    "delivery.returned.v1",
    "order.reinstated.v1",
    "rep.left.v1",
    "parcel.dispatched.v1",
    "parcel.delayed.v1",
    "parcel.attempted.v1",
    "parcel.delivered.v1",
    # Written by Waybill itself; malformed from outside.
    "standing_order.missed.v1",
)

FactKey = tuple[str, str]
"""(source, message id): the key of a message within its subject."""

SortKey = tuple[datetime, int, str, str]
"""(time, rank of type, source, message id): a fact's place in its subject's history."""


class StreamEvent(msgspec.Struct, CanMutateAggregate[str], frozen=True, kw_only=True, omit_defaults=True):
    """Anything stored in a subject's stream.

    `originator_id` is the stream's name and `originator_version` the event's number in it, from 1. Both are columns of
    the store, so they are empty in the encoded state. All instants are aware, in UTC.
    """

    TOPIC: ClassVar[str] = ""
    class_version: ClassVar[int] = 1

    originator_id: str = ""
    originator_version: int = 0
    recorded_at: datetime
    source: str
    message_id: str

    # CanMutateAggregate declares `timestamp` as an attribute; here it is when the service recorded the event.
    @property
    def timestamp(self) -> datetime:  # type: ignore[override]
        return self.recorded_at

    @property
    def key(self) -> FactKey:
        return (self.source, self.message_id)


class Fact(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What happened, as a message states it.

    `occurred_at` is the message's time, `recorded_at` when the service (or, for an imported history, the earlier
    system) recorded it. `held_until` is set if `occurred_at` was too far ahead of the service's clock: settling ignores
    the fact until the clock is near (see `domain.clock_holds`). `traceparent` is the publisher's W3C trace context.
    Facts never change; `domain.settling.settle` decides what they mean.
    """

    TYPE: ClassVar[str] = ""
    RANK: ClassVar[int] = -1
    DATA_FIELDS: ClassVar[tuple[str, ...]] = ()

    occurred_at: datetime
    held_until: datetime | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    @property
    def sort_key(self) -> SortKey:
        return sort_key_of(self)

    @property
    def content(self) -> tuple[Any, ...]:
        """The data in a form that compares by meaning: decimals and instants by value, rows in any order."""
        return tuple(
            [
                frozenset(value) if isinstance(value := getattr(self, name), tuple) else value
                for name in self.DATA_FIELDS
            ]
        )

    def says_the_same_as(self, other: "Fact") -> bool:
        """Whether type and data are equal, whatever the time, the id and the sender."""
        return type(self) is type(other) and self.content == other.content

    def apply(self, aggregate: Any) -> None:
        aggregate.facts.append(self)


def sort_key_of(fact: Fact) -> SortKey:
    """A fact's place in its subject's history, the sort key of facts."""
    return (fact.occurred_at, fact.RANK, fact.source, fact.message_id)


FACT_CLASSES: dict[str, type[Fact]] = {}
"""Message type, such as "order.placed.v1", to event class."""

EVENT_CLASSES: dict[str, type[StreamEvent]] = {}
"""Stored topic, such as "order.placed", to event class."""

E = TypeVar("E", bound=StreamEvent)


def register_event(event_class: type[E]) -> type[E]:
    """Register an event class with its stable topic, and a fact with its type's rank."""
    register_topic(event_class.TOPIC, event_class)
    EVENT_CLASSES[event_class.TOPIC] = event_class
    if issubclass(event_class, Fact):
        event_class.RANK = MESSAGE_TYPES.index(event_class.TYPE)
        common = set(Fact.__struct_fields__)
        event_class.DATA_FIELDS = tuple(name for name in event_class.__struct_fields__ if name not in common)
        FACT_CLASSES[event_class.TYPE] = event_class
    return event_class
