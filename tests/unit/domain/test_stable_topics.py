"""Stored events must stay readable: topics, names, types and ranks never change.

A new event goes to the end of this list. A line that changes here is a store that can no longer be read.
"""

from eventsourcing.utils import resolve_topic

import domain.derived
import domain.operator.acts  # noqa: F401  (both register events)
from domain.account.kind import ACCOUNT
from domain.fact import EVENT_CLASSES, FACT_CLASSES, MESSAGE_TYPES, Fact
from domain.kinds import KIND_OF_TYPE
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.rep.kind import REP
from domain.standing_order.kind import STANDING_ORDER

STORED_FACTS = [
    ("order.placed", "OrderPlaced", "order.placed.v1", 0),
    ("order.amended", "OrderAmended", "order.amended.v1", 1),
    ("order.reassigned", "OrderReassigned", "order.reassigned.v1", 2),
    ("order.rescheduled", "OrderRescheduled", "order.rescheduled.v1", 3),
    ("order.cancelled", "OrderCancelled", "order.cancelled.v1", 4),
    ("expedite.requested", "ExpediteRequested", "expedite.requested.v1", 5),
    ("expedite.granted", "ExpediteGranted", "expedite.granted.v1", 6),
    ("expedite.declined", "ExpediteDeclined", "expedite.declined.v1", 7),
    ("customer.informed", "CustomerInformed", "customer.informed.v1", 8),
    ("shipment.booked", "ShipmentBooked", "shipment.booked.v1", 9),
    ("shipment.rebooked", "ShipmentRebooked", "shipment.rebooked.v1", 10),
    ("shipment.dispatched", "ShipmentDispatched", "shipment.dispatched.v1", 11),
    ("shipment.delayed", "ShipmentDelayed", "shipment.delayed.v1", 12),
    ("shipment.cancelled", "ShipmentCancelled", "shipment.cancelled.v1", 13),
    ("delivery.attempted", "DeliveryAttempted", "delivery.attempted.v1", 14),
    ("delivery.confirmed", "DeliveryConfirmed", "delivery.confirmed.v1", 15),
    ("message.voided", "MessageVoided", "message.voided.v1", 16),
    ("customer.contacted", "CustomerContacted", "customer.contacted.v1", 17),
    ("rep.registered", "RepRegistered", "rep.registered.v1", 18),
    ("rep.changed", "RepChanged", "rep.changed.v1", 19),
    ("rep.quota_set", "RepQuotaSet", "rep.quota_set.v1", 20),
    ("rep.pay_plan_set", "RepPayPlanSet", "rep.pay_plan_set.v1", 21),
    ("account.registered", "AccountRegistered", "account.registered.v1", 22),
    ("account.assigned", "AccountAssigned", "account.assigned.v1", 23),
    ("standing_order.established", "StandingOrderEstablished", "standing_order.established.v1", 24),
    ("standing_order.stopped", "StandingOrderStopped", "standing_order.stopped.v1", 25),
    ("delivery.returned", "DeliveryReturned", "delivery.returned.v1", 26),
    ("order.reinstated", "OrderReinstated", "order.reinstated.v1", 27),
    ("rep.left", "RepLeft", "rep.left.v1", 28),
    ("parcel.dispatched", "ParcelDispatched", "parcel.dispatched.v1", 29),
    ("parcel.delayed", "ParcelDelayed", "parcel.delayed.v1", 30),
    ("parcel.attempted", "ParcelAttempted", "parcel.attempted.v1", 31),
    ("parcel.delivered", "ParcelDelivered", "parcel.delivered.v1", 32),
    ("standing_order.missed", "StandingOrderMissed", "standing_order.missed.v1", 33),
]

STORED_BESIDE_FACTS = [
    ("verdict.changed", "VerdictChanged"),
    ("clock.hold_ended", "ClockHoldEnded"),
    ("message.withdrawn", "MessageWithdrawn"),
    ("operator.acted", "OperatorAct"),
    ("operator.dead_letter_discarded", "DeadLetterDiscarded"),
    ("operator.dead_letter_restored", "DeadLetterRestored"),
    ("operator.dead_letters_redriven", "DeadLettersRedriven"),
    ("operator.dead_letter_edited", "DeadLetterEdited"),
    ("operator.projection_rebuilt", "ProjectionRebuilt"),
    ("operator.projection_set_back", "ProjectionSetBack"),
    ("operator.projection_version_dropped", "ProjectionVersionDropped"),
    ("operator.key_rebuilt", "KeyRebuilt"),
    ("operator.part_paused", "PartPaused"),
    ("operator.part_resumed", "PartResumed"),
    ("operator.parked_keys_retried", "ParkedKeysRetried"),
    ("operator.orders_pruned", "OrdersPruned"),
    ("operator.prune_undone", "PruneUndone"),
    ("stream.pruned", "StreamPruned"),
    ("stream.restored", "StreamRestored"),
    ("operator.position_reset", "PositionReset"),
    ("operator.message_voided", "MessageVoidedByHand"),
    ("operator.messages_voided", "MessagesVoidedInBulk"),
    ("operator.messages_corrected", "MessagesCorrected"),
    ("operator.api_key_created", "ApiKeyCreated"),
    ("operator.api_key_revoked", "ApiKeyRevoked"),
]

CONTRACT = [
    *(message_type for _, _, message_type, _ in STORED_FACTS[:24]),
    "standing_order.established.v1",
    "standing_order.stopped.v1",
    "delivery.returned.v1",
    "order.reinstated.v1",
    "rep.left.v1",
    "parcel.dispatched.v1",
    "parcel.delayed.v1",
    "parcel.attempted.v1",
    "parcel.delivered.v1",
    "standing_order.missed.v1",
]


def test_facts_keep_their_topic_their_name_their_type_and_their_rank() -> None:
    facts = [(c.TOPIC, c.__name__, c.TYPE, c.RANK) for c in EVENT_CLASSES.values() if issubclass(c, Fact)]
    assert sorted(facts, key=lambda fact: fact[-1]) == STORED_FACTS


def test_what_is_stored_beside_facts_keeps_its_topic_and_its_name() -> None:
    beside = [(c.TOPIC, c.__name__) for c in EVENT_CLASSES.values() if not issubclass(c, Fact)]
    assert sorted(beside) == sorted(STORED_BESIDE_FACTS)


def test_the_library_finds_every_class_by_its_topic() -> None:
    for topic, event_class in EVENT_CLASSES.items():
        assert resolve_topic(topic) is event_class


def test_a_message_type_leads_to_its_class() -> None:
    assert {message_type: fact_class.__name__ for message_type, fact_class in FACT_CLASSES.items()} == {
        message_type: name for _, name, message_type, _ in STORED_FACTS
    }


def test_the_contracts_table_is_the_order_of_ranks() -> None:
    assert list(MESSAGE_TYPES) == CONTRACT


def test_every_type_says_what_it_is_about() -> None:
    about = {message_type: kind for message_type, kind in KIND_OF_TYPE.items() if message_type in FACT_CLASSES}
    assert about == {
        **dict.fromkeys(CONTRACT[:16], ORDER),
        "message.voided.v1": None,
        "customer.contacted.v1": ACCOUNT,
        **dict.fromkeys(CONTRACT[18:22], REP),
        **dict.fromkeys(CONTRACT[22:24], ACCOUNT),
        "delivery.returned.v1": ORDER,
        "order.reinstated.v1": ORDER,
        "rep.left.v1": REP,
        **dict.fromkeys(CONTRACT[24:26], STANDING_ORDER),
        **dict.fromkeys(CONTRACT[29:33], PARCEL),
        "standing_order.missed.v1": STANDING_ORDER,
    }
