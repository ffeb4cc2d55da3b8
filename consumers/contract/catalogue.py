"""The message types of the contract, in the order of its table."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field, create_model

from consumers.contract import (
    deliveries,
    expedites,
    orders,
    parcels,
    people,
    shipments,
    standing_orders,
    void_message,
)
from consumers.contract.envelope import Envelope
from consumers.contract.values import WireModel
from domain.account import events as account_events
from domain.events import MessageVoided
from domain.fact import Fact
from domain.order import events as order_events
from domain.parcel import events as parcel_events
from domain.rep import events as rep_events
from domain.standing_order import events as standing_order_events

TOPICS = ("orders", "expedites", "shipments", "deliveries", "people")
"""The Kafka topics, without the prefix of an installation."""

ZONE = "time_zone"
"""The data field with the time zone of dates without a time (in account.registered, the customer's)."""


class MessageType(NamedTuple):
    """One row of the contract's table.

    `data` is the model of the data, `message` the model of the envelope with the data, `fact` the event class. `fields`
    has pairs of a field's name on the wire and in the event, `known_fields` all names on the wire. `says_zone` says
    that the data may name the time zone of dates without a time, which the event does not keep. `null_clears` says that
    null and absent differ.
    """

    name: str
    topics: tuple[str, ...]
    data: type[WireModel]
    message: type[Envelope]
    fact: type[Fact]
    fields: tuple[tuple[str, str], ...]
    known_fields: frozenset[str]
    says_zone: bool
    null_clears: bool

    def check(self, message: Any) -> Envelope:
        """The envelope and the data of a decoded message. Raises pydantic's ValidationError."""
        return self.message.__pydantic_validator__.validate_python(message)  # type: ignore[no-any-return]


_ROWS: tuple[tuple[type[WireModel], type[Fact]], ...] = (
    (orders.OrderPlacedData, order_events.OrderPlaced),
    (orders.OrderAmendedData, order_events.OrderAmended),
    (orders.OrderReassignedData, order_events.OrderReassigned),
    (orders.OrderRescheduledData, order_events.OrderRescheduled),
    (orders.OrderCancelledData, order_events.OrderCancelled),
    (expedites.ExpediteRequestedData, order_events.ExpediteRequested),
    (expedites.ExpediteGrantedData, order_events.ExpediteGranted),
    (expedites.ExpediteDeclinedData, order_events.ExpediteDeclined),
    (expedites.CustomerInformedData, order_events.CustomerInformed),
    (shipments.ShipmentBookedData, order_events.ShipmentBooked),
    (shipments.ShipmentRebookedData, order_events.ShipmentRebooked),
    (shipments.ShipmentDispatchedData, order_events.ShipmentDispatched),
    (shipments.ShipmentDelayedData, order_events.ShipmentDelayed),
    (shipments.ShipmentCancelledData, order_events.ShipmentCancelled),
    (deliveries.DeliveryAttemptedData, order_events.DeliveryAttempted),
    (deliveries.DeliveryConfirmedData, order_events.DeliveryConfirmed),
    (void_message.MessageVoidedData, MessageVoided),
    (people.CustomerContactedData, account_events.CustomerContacted),
    (people.RepRegisteredData, rep_events.RepRegistered),
    (people.RepChangedData, rep_events.RepChanged),
    (people.RepQuotaSetData, rep_events.RepQuotaSet),
    (people.RepPayPlanSetData, rep_events.RepPayPlanSet),
    (people.AccountRegisteredData, account_events.AccountRegistered),
    (people.AccountAssignedData, account_events.AccountAssigned),
    (standing_orders.StandingOrderEstablishedData, standing_order_events.StandingOrderEstablished),
    (standing_orders.StandingOrderStoppedData, standing_order_events.StandingOrderStopped),
    (deliveries.DeliveryReturnedData, order_events.DeliveryReturned),
    (orders.OrderReinstatedData, order_events.OrderReinstated),
    (people.RepLeftData, rep_events.RepLeft),
    (parcels.ParcelDispatchedData, parcel_events.ParcelDispatched),
    (parcels.ParcelDelayedData, parcel_events.ParcelDelayed),
    (parcels.ParcelAttemptedData, parcel_events.ParcelAttempted),
    (parcels.ParcelDeliveredData, parcel_events.ParcelDelivered),
)

_TOPIC_OF_MODULE = {
    orders.__name__: ("orders",),
    expedites.__name__: ("expedites",),
    shipments.__name__: ("shipments",),
    deliveries.__name__: ("deliveries",),
    people.__name__: ("people",),
    standing_orders.__name__: ("people",),
    parcels.__name__: ("deliveries",),
    void_message.__name__: TOPICS,
}

_NULL_CLEARS = (order_events.ShipmentRebooked, rep_events.RepChanged)


def _message_type(data: type[WireModel], fact: type[Fact]) -> MessageType:
    message = create_model(
        data.__name__.removesuffix("Data") + "Message",
        __base__=Envelope,
        data=(data, Field(description="The content of the message.")),
    )
    says_zone = ZONE in data.model_fields and ZONE not in fact.DATA_FIELDS
    return MessageType(
        name=fact.TYPE,
        topics=_TOPIC_OF_MODULE[data.__module__],
        data=data,
        message=message,
        fact=fact,
        fields=tuple(
            (field.alias or name, name) for name, field in data.model_fields.items() if name != ZONE or not says_zone
        ),
        known_fields=frozenset(field.alias or name for name, field in data.model_fields.items()),
        says_zone=says_zone,
        null_clears=fact in _NULL_CLEARS,
    )


CATALOGUE: Mapping[str, MessageType] = {row.name: row for row in (_message_type(data, fact) for data, fact in _ROWS)}
"""Message type, such as "order.placed.v1", to its row of the contract."""

TOPIC_OF_TYPE: Mapping[str, tuple[str, ...]] = {name: row.topics for name, row in CATALOGUE.items()}
"""Message type to its topics: one, or all of them for a void."""

OWN_TYPES: Mapping[str, MessageType] = {
    row.name: row
    for row in [_message_type(standing_orders.StandingOrderMissedData, standing_order_events.StandingOrderMissed)]
}
"""Message types that only Waybill itself writes, by name. From outside they are malformed."""
