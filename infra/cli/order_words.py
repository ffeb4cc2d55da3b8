"""What happened to an order in plain words, for its timeline at the terminal. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from domain.counted import counted
from domain.events import MessageVoided
from domain.fact import Fact
from domain.order.events import (
    CustomerInformed,
    DeliveryAttempted,
    DeliveryConfirmed,
    DeliveryReturned,
    ExpediteDeclined,
    ExpediteGranted,
    ExpediteRequested,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderReassigned,
    OrderReinstated,
    OrderRescheduled,
    ShipmentBooked,
    ShipmentCancelled,
    ShipmentDelayed,
    ShipmentDispatched,
    ShipmentRebooked,
)
from domain.order.state import FollowUp
from domain.order.summary import OrderSummary
from domain.verdict import Verdict
from infra.cli.tables.cells import readable_instant
from infra.event_words import event_words
from projections.order_timeline import TimelineEntry


class Happened(NamedTuple):
    """A fact that took effect, and the order after it."""

    fact: Fact
    after: OrderSummary


def in_plain_words(entry: TimelineEntry, happened: Happened | None) -> str:
    """An entry of the timeline: what happened, or the verdict of a message that did not take effect, with its reason.

    `happened` is None for an entry without effect: a message that was not taken, a changed verdict, a withdrawal.
    """
    event = event_words(entry.event)
    if happened is None:
        about = f"{entry.message_id} of {entry.source}"
        if entry.verdict == Verdict.APPLIED.value or entry.event in ("VerdictChanged", "MessageWithdrawn"):
            return f"{event}: {entry.what_changed} ({about})"
        return f"{event} ({about}) {entry.verdict}: {entry.what_changed}"
    words = _WORDS.get(type(happened.fact))
    return event if words is None else words(happened.fact, happened.after)


def follow_up_words(owed: FollowUp) -> str:
    """What is owed to the customer, and since when."""
    request = f" {owed.request_id}" if owed.request_id else ""
    return f"{owed.about}{request}, owed since {readable_instant(owed.owed_since)}"


def _placed(fact: OrderPlaced, _: OrderSummary) -> str:
    rep = f" with {fact.rep_id}" if fact.rep_id else ""
    return f"placed{rep}, {counted(len(fact.lines), 'line')}, promised {readable_instant(fact.promised_by)}"


def _amended(fact: OrderAmended, after: OrderSummary) -> str:
    value = f"{_number(after.order_value)} {after.currency}"
    return f"amended: {counted(len(fact.lines), 'line')}, {value}{_because(fact.reason)}"


def _cancelled(fact: OrderCancelled, after: OrderSummary) -> str:
    what = "cancelled" if after.status == "cancelled" else "the rest was cancelled"
    return what + _because(fact.reason)


def _reinstated(fact: OrderReinstated, after: OrderSummary) -> str:
    return f"open again, promised {readable_instant(after.promised_by)}{_because(fact.reason)}"


def _requested(fact: ExpediteRequested, _: OrderSummary) -> str:
    who = f" by the {fact.requested_by}" if fact.requested_by else ""
    return f"expedite requested{who} for {readable_instant(fact.needed_by)}{_because(fact.reason)}"


def _granted(fact: ExpediteGranted, after: OrderSummary) -> str:
    surcharge = f", surcharge {_number(fact.surcharge)} {after.currency}" if fact.surcharge is not None else ""
    return f"expedite granted: promised {readable_instant(fact.promised_by)}{surcharge}"


def _informed(fact: CustomerInformed, _: OrderSummary) -> str:
    told = "customer informed" if fact.about == "other" else f"customer told about the {fact.about}"
    by = f" by {fact.channel.replace('_', ' ')}" if fact.channel else ""
    return f"{told}{by}{_because(fact.note)}"


def _booked(fact: ShipmentBooked, after: OrderSummary) -> str:
    how = "for pickup by the customer" if fact.mode == "pickup" else f"with {fact.carrier}"
    rest = "" if not after.left_to_book else ", not all of it"
    return f"{_which(fact.shipment_id, after)}booked {how}{rest}, {_expected(fact.estimated_delivery)}"


def _rebooked(fact: ShipmentRebooked, after: OrderSummary) -> str:
    carrier = f" with {fact.carrier}" if isinstance(fact.carrier, str) else ""
    estimate = fact.estimated_delivery
    expected = "" if isinstance(estimate, msgspec.UnsetType) else f", {_expected(estimate)}"
    return f"{_which(fact.shipment_id, after)}rebooked{carrier}{expected}{_because(fact.reason)}"


def _delayed(fact: ShipmentDelayed, after: OrderSummary) -> str:
    return f"{_which(fact.shipment_id, after)}delayed, {_expected(fact.estimated_delivery)}{_because(fact.reason)}"


def _confirmed(fact: DeliveryConfirmed, after: OrderSummary) -> str:
    signed = f", signed by {fact.signed_by}" if fact.signed_by else ""
    whole = "delivered in part"
    if after.delivered_at is not None:
        late = after.delivered_at > after.promised_by
        whole = f"delivered, complete, {'late' if late else 'on time'}"
    return f"{_which(fact.shipment_id, after)}{whole}{signed}"


def _returned(fact: DeliveryReturned, after: OrderSummary) -> str:
    replaced = ", to be replaced" if fact.replace else ""
    return f"{_which(fact.shipment_id, after)}returned{replaced}{_because(fact.reason)}"


_WORDS: Mapping[type[Fact], Callable[[Any, OrderSummary], str]] = {
    OrderPlaced: _placed,
    OrderAmended: _amended,
    OrderReassigned: lambda fact, _: f"given to {fact.rep_id}{_because(fact.reason)}",
    OrderRescheduled: lambda fact, _: f"new promise, {readable_instant(fact.promised_by)}{_because(fact.reason)}",
    OrderCancelled: _cancelled,
    OrderReinstated: _reinstated,
    ExpediteRequested: _requested,
    ExpediteGranted: _granted,
    ExpediteDeclined: lambda fact, _: f"expedite declined{_because(fact.reason)}",
    CustomerInformed: _informed,
    ShipmentBooked: _booked,
    ShipmentRebooked: _rebooked,
    ShipmentDispatched: lambda fact, after: f"{_which(fact.shipment_id, after)}dispatched",
    ShipmentDelayed: _delayed,
    ShipmentCancelled: lambda fact, after: (
        f"{_which(fact.shipment_id, after)}shipment cancelled{_because(fact.reason)}"
    ),
    DeliveryAttempted: lambda fact, after: (
        f"{_which(fact.shipment_id, after)}delivery attempted, not delivered{_because(fact.reason)}"
    ),
    DeliveryConfirmed: _confirmed,
    DeliveryReturned: _returned,
    MessageVoided: lambda fact, _: f"message {fact.voided_id} of {fact.voided_source} voided{_because(fact.reason)}",
}


def _which(shipment_id: str, after: OrderSummary) -> str:
    """Which shipment it is, where there are several."""
    return f"{shipment_id} " if after.shipments > 1 else ""


def _expected(estimate: datetime | None) -> str:
    return "nobody knows when it arrives" if estimate is None else f"expected {readable_instant(estimate)}"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _number(amount: Decimal) -> str:
    return format(amount, "f")
