"""Facts as people of the trade would tell them: only what matters is said, the rest is filled in.

Times are hours of one working day: 9 is nine in the morning, 9.5 half past nine, 33 nine on the next morning.
Unless told otherwise an order is placed at 8 for ten lamps at 5.00 each, promised by 17.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Literal

import msgspec

from domain.account.events import AccountAssigned, AccountRegistered, CustomerContacted
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
    LineQuantity,
    Mode,
    OrderAmended,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReassigned,
    OrderReinstated,
    OrderRescheduled,
    Segment,
    ShipmentBooked,
    ShipmentCancelled,
    ShipmentDelayed,
    ShipmentDispatched,
    ShipmentRebooked,
    as_line,
)
from domain.parcel.events import ParcelAttempted, ParcelDelayed, ParcelDelivered, ParcelDispatched
from domain.rep.events import Level, RepChanged, RepLeft, RepPayPlanSet, RepQuotaSet, RepRegistered
from domain.standing_order.events import (
    Every,
    StandingOrderEstablished,
    StandingOrderMissed,
    StandingOrderStopped,
)

Hour = float
About = Literal["expedite", "delay", "other"]
Number = int | str | Decimal
Quantities = Mapping[int | str, Number] | Mapping[int, Number] | Mapping[str, Number]
"""Line to quantity."""
Prices = Mapping[int, Number]
"""Line to the price of one."""

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType

_spoken = count(1)


def oclock(hour: Hour) -> datetime:
    """The instant at that hour of the working day."""
    return MIDNIGHT + timedelta(hours=hour)


def said(at: Hour, sender: str, message_id: str | None = None, recorded: Hour | None = None) -> dict[str, Any]:
    """What every message carries. Ids grow in the order of telling, so of equal facts the one told first is first."""
    return {
        "occurred_at": oclock(at),
        "recorded_at": oclock(at if recorded is None else recorded),
        "source": sender,
        "message_id": message_id or f"m-{next(_spoken):06}",
    }


def order_lines(
    quantities: Quantities,
    prices: Prices | None = None,
    *,
    charges: Prices | None = None,
    skus: Mapping[int, str | None] | None = None,
    promises: Mapping[int, Hour] | None = None,
) -> tuple[OrderLine, ...]:
    """Lines of goods, and behind them charges: line to amount."""
    price_of = {as_line(line): price for line, price in (prices or {}).items()}
    sku_of = {as_line(line): sku for line, sku in (skus or {}).items()}
    promise_of = {as_line(line): oclock(hour) for line, hour in (promises or {}).items()}
    goods = [
        OrderLine(
            line=line,
            sku=sku_of.get(line, f"LAMP-{line}"),
            quantity=Decimal(quantity),
            unit_price=Decimal(price_of.get(line, 5)),
            promised_by=promise_of.get(line),
        )
        for line, quantity in ((as_line(said), quantity) for said, quantity in quantities.items())
    ]
    priced = [
        OrderLine(line=as_line(line), sku=None, quantity=Decimal(1), unit_price=Decimal(amount), kind="charge")
        for line, amount in (charges or {}).items()
    ]
    return (*goods, *priced)


def quantities_of(quantities: Quantities | None) -> tuple[LineQuantity, ...] | None:
    if quantities is None:
        return None
    return tuple(LineQuantity(line=as_line(line), quantity=Decimal(quantity)) for line, quantity in quantities.items())


# -- the order -----------------------------------------------------------------------------------


def placed(
    at: Hour = 8,
    lines: Quantities | None = None,
    *,
    prices: Prices | None = None,
    promised_by: Hour = 17,
    rep: str | None = "ann",
    account: str | None = "ALFKI",
    segment: Segment = "b2b",
    currency: str = "USD",
    charges: Prices | None = None,
    skus: Mapping[int, str | None] | None = None,
    promises: Mapping[int, Hour] | None = None,
    **message: Any,
) -> OrderPlaced:
    return OrderPlaced(
        account_id=account,
        rep_id=rep,
        segment=segment,
        channel="inbound_call",
        currency=currency,
        lines=order_lines({1: 10} if lines is None else lines, prices, charges=charges, skus=skus, promises=promises),
        promised_by=oclock(promised_by),
        **said(at, "order-entry", **message),
    )


def amended(
    at: Hour,
    lines: Quantities,
    *,
    prices: Prices | None = None,
    charges: Prices | None = None,
    skus: Mapping[int, str | None] | None = None,
    promises: Mapping[int, Hour] | None = None,
    **message: Any,
) -> OrderAmended:
    said_lines = order_lines(lines, prices, charges=charges, skus=skus, promises=promises)
    return OrderAmended(lines=said_lines, **said(at, "order-entry", **message))


def reassigned(at: Hour, rep: str, **message: Any) -> OrderReassigned:
    return OrderReassigned(rep_id=rep, **said(at, "order-entry", **message))


def rescheduled(at: Hour, promised_by: Hour, **message: Any) -> OrderRescheduled:
    return OrderRescheduled(
        promised_by=oclock(promised_by),
        reason="the customer asked for another day",
        **said(at, "order-entry", **message),
    )


def cancelled(at: Hour, **message: Any) -> OrderCancelled:
    return OrderCancelled(reason="no longer needed", **said(at, "order-entry", **message))


def reinstated(at: Hour, promised_by: Hour | None = None, **message: Any) -> OrderReinstated:
    """Without a promise: the one that it had."""
    return OrderReinstated(
        reason="the customer wants it after all",
        promised_by=None if promised_by is None else oclock(promised_by),
        **said(at, "order-entry", **message),
    )


# -- getting it there faster ---------------------------------------------------------------------


def expedite_requested(at: Hour, request: str = "R-1", *, needed_by: Hour = 12, **message: Any) -> ExpediteRequested:
    return ExpediteRequested(
        request_id=request,
        needed_by=oclock(needed_by),
        reason="the shop opens early",
        requested_by="customer",
        **said(at, "crm", **message),
    )


def expedite_granted(
    at: Hour, request: str = "R-1", *, promised_by: Hour = 12, surcharge: Number | None = None, **message: Any
) -> ExpediteGranted:
    return ExpediteGranted(
        request_id=request,
        promised_by=oclock(promised_by),
        surcharge=None if surcharge is None else Decimal(surcharge),
        **said(at, "crm", **message),
    )


def expedite_declined(
    at: Hour, request: str = "R-1", *, reason: str = "no earlier flight", **message: Any
) -> ExpediteDeclined:
    return ExpediteDeclined(request_id=request, reason=reason, **said(at, "crm", **message))


def customer_informed(
    at: Hour,
    about: About = "expedite",
    request: str | None = None,
    **message: Any,
) -> CustomerInformed:
    return CustomerInformed(about=about, request_id=request, channel="phone", **said(at, "crm", **message))


# -- shipping ------------------------------------------------------------------------------------


def booked(
    at: Hour,
    shipment: str = "S-1",
    lines: Quantities | None = None,
    *,
    carrier: str = "DHL",
    mode: Mode = "courier",
    estimate: Hour | None = 16,
    parcels: tuple[str, ...] | None = None,
    cost: Number | None = None,
    tracking: str | None = None,
    **message: Any,
) -> ShipmentBooked:
    """Without lines: all that is left."""
    return ShipmentBooked(
        shipment_id=shipment,
        mode=mode,
        carrier=carrier,
        estimated_delivery=None if estimate is None else oclock(estimate),
        lines=quantities_of(lines),
        parcels=parcels,
        cost=None if cost is None else Decimal(cost),
        tracking_number=tracking,
        **said(at, "carrier-feed", **message),
    )


def rebooked(
    at: Hour,
    shipment: str = "S-1",
    lines: Quantities | None = None,
    *,
    estimate: Hour | None | Unset = 16,
    carrier: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    parcels: tuple[str, ...] | None | Unset = UNSET,
    cost: Number | None | Unset = UNSET,
    tracking: str | None | Unset = UNSET,
    **message: Any,
) -> ShipmentRebooked:
    """Without lines it carries what it did."""
    return ShipmentRebooked(
        shipment_id=shipment,
        estimated_delivery=oclock(estimate) if isinstance(estimate, int | float) else estimate,
        reason="the van broke down",
        carrier=carrier,
        mode=mode,
        lines=quantities_of(lines) or UNSET,
        parcels=parcels,
        cost=Decimal(cost) if isinstance(cost, int | str | Decimal) else cost,
        tracking_number=tracking,
        **said(at, "carrier-feed", **message),
    )


def dispatched(at: Hour, shipment: str = "S-1", **message: Any) -> ShipmentDispatched:
    return ShipmentDispatched(shipment_id=shipment, **said(at, "carrier-feed", **message))


def delayed(at: Hour, shipment: str = "S-1", *, estimate: Hour | None = 20, **message: Any) -> ShipmentDelayed:
    """Without an estimate nobody knows any more when it comes."""
    return ShipmentDelayed(
        shipment_id=shipment,
        estimated_delivery=None if estimate is None else oclock(estimate),
        reason="snow",
        **said(at, "carrier-feed", **message),
    )


def shipment_cancelled(at: Hour, shipment: str = "S-1", **message: Any) -> ShipmentCancelled:
    return ShipmentCancelled(shipment_id=shipment, reason="recalled", **said(at, "carrier-feed", **message))


# -- delivering ----------------------------------------------------------------------------------


def attempted(at: Hour, shipment: str = "S-1", **message: Any) -> DeliveryAttempted:
    return DeliveryAttempted(shipment_id=shipment, reason="nobody at home", **said(at, "carrier-feed", **message))


def delivered(
    at: Hour,
    shipment: str = "S-1",
    lines: Quantities | None = None,
    *,
    parcel: str | None = None,
    signed_by: str | None = "M. Anders",
    **message: Any,
) -> DeliveryConfirmed:
    """Without lines and parcel: the undelivered rest of the shipment."""
    return DeliveryConfirmed(
        shipment_id=shipment,
        lines=quantities_of(lines),
        parcel=parcel,
        signed_by=signed_by,
        **said(at, "carrier-feed", **message),
    )


def returned(
    at: Hour, shipment: str = "S-1", lines: Quantities | None = None, *, replace: bool = False, **message: Any
) -> DeliveryReturned:
    """Without lines: all that the shipment delivered."""
    return DeliveryReturned(
        shipment_id=shipment,
        lines=quantities_of(lines),
        reason="damaged",
        replace=replace,
        **said(at, "carrier-feed", **message),
    )


# -- the record ----------------------------------------------------------------------------------


def voided(wrong: Fact, at: Hour = 20, **message: Any) -> MessageVoided:
    """The message was wrong."""
    return voided_by_id(wrong.source, wrong.message_id, at, **message)


def voided_by_id(wrong_source: str, wrong_id: str, at: Hour = 20, **message: Any) -> MessageVoided:
    return MessageVoided(
        voided_source=wrong_source,
        voided_id=wrong_id,
        reason="keyed in by mistake",
        **said(at, "order-entry", **message),
    )


def again(fact: Fact, at: Hour) -> Fact:
    """The same said once more, later, in another message."""
    return msgspec.structs.replace(fact, **said(at, fact.source))


# -- people --------------------------------------------------------------------------------------


def rep_registered(
    at: Hour = 8,
    name: str = "Ann",
    level: Level = "entry",
    *,
    team: str | None = None,
    mentor: str | None = None,
    **message: Any,
) -> RepRegistered:
    return RepRegistered(name=name, level=level, team=team, mentor_id=mentor, **said(at, "people", **message))


def rep_changed(
    at: Hour,
    *,
    name: str | Unset = UNSET,
    level: Level | Unset = UNSET,
    team: str | None | Unset = UNSET,
    mentor: str | None | Unset = UNSET,
    **message: Any,
) -> RepChanged:
    return RepChanged(name=name, level=level, team=team, mentor_id=mentor, **said(at, "people", **message))


def rep_left(at: Hour, **message: Any) -> RepLeft:
    return RepLeft(reason="retired", **said(at, "people", **message))


def quota_set(
    at: Hour,
    month: str = "2026-03",
    target: Number = 1000,
    *,
    growth: Number | None = None,
    currency: str = "USD",
    **message: Any,
) -> RepQuotaSet:
    """An amount, or growth in percent."""
    return RepQuotaSet(
        month=month,
        currency=currency,
        target_amount=Decimal(target) if growth is None else None,
        growth_percent=None if growth is None else Decimal(growth),
        **said(at, "people", **message),
    )


def pay_plan_set(
    at: Hour,
    month: str = "2026-03",
    base: Number = 3000,
    *,
    currency: str = "USD",
    commission: Number = 2,
    quota_bonus: Number | None = None,
    new_account_bonus: Number | None = None,
    **message: Any,
) -> RepPayPlanSet:
    return RepPayPlanSet(
        month=month,
        base=Decimal(base),
        currency=currency,
        commission_percent=Decimal(commission),
        quota_bonus=None if quota_bonus is None else Decimal(quota_bonus),
        new_account_bonus=None if new_account_bonus is None else Decimal(new_account_bonus),
        **said(at, "people", **message),
    )


def established(
    at: Hour = 8,
    *,
    every: Every | None = None,
    first_on: date = date(2026, 3, 2),
    lead_days: int = 0,
    until: date | None = None,
    account: str = "ALFKI",
    rep: str = "ann",
    currency: str = "USD",
    lines: Mapping[int, Number] | None = None,
    **message: Any,
) -> StandingOrderEstablished:
    return StandingOrderEstablished(
        account_id=account,
        rep_id=rep,
        segment="b2b",
        currency=currency,
        lines=tuple(
            OrderLine(as_line(line), "LAMP", Decimal(quantity), Decimal(5))
            for line, quantity in (lines or {1: 10}).items()
        ),
        every=every or Every(days=7),
        first_on=first_on,
        lead_days=lead_days,
        until=until,
        **said(at, "people", **message),
    )


def stopped(at: Hour, **message: Any) -> StandingOrderStopped:
    return StandingOrderStopped(reason="not needed any more", **said(at, "people", **message))


def missed(at: Hour, due_on: date, **message: Any) -> StandingOrderMissed:
    return StandingOrderMissed(due_on=due_on, **said(at, "urn:waybill:reactor:standing-orders", **message))


def parcel_dispatched(at: Hour, carrier: str | None = None, **message: Any) -> ParcelDispatched:
    return ParcelDispatched(carrier=carrier, **said(at, "parcel-feed", **message))


def parcel_delayed(
    at: Hour, until: Hour | None = None, carrier: str | None = None, reason: str | None = None, **message: Any
) -> ParcelDelayed:
    return ParcelDelayed(
        carrier=carrier,
        estimated_delivery=None if until is None else oclock(until),
        reason=reason,
        **said(at, "parcel-feed", **message),
    )


def parcel_attempted(
    at: Hour, carrier: str | None = None, reason: str | None = None, **message: Any
) -> ParcelAttempted:
    return ParcelAttempted(carrier=carrier, reason=reason, **said(at, "parcel-feed", **message))


def parcel_delivered(
    at: Hour, carrier: str | None = None, signed_by: str | None = None, **message: Any
) -> ParcelDelivered:
    return ParcelDelivered(carrier=carrier, signed_by=signed_by, **said(at, "parcel-feed", **message))


def account_registered(
    at: Hour = 8,
    name: str = "Alfreds Futterkiste",
    segment: Segment = "b2b",
    *,
    rep: str | None = None,
    tier: str | None = None,
    time_zone: str | None = None,
    **message: Any,
) -> AccountRegistered:
    return AccountRegistered(
        name=name, segment=segment, rep_id=rep, tier=tier, time_zone=time_zone, **said(at, "people", **message)
    )


def account_assigned(at: Hour, rep: str, **message: Any) -> AccountAssigned:
    return AccountAssigned(rep_id=rep, **said(at, "people", **message))


def contacted(at: Hour, rep: str = "ann", **message: Any) -> CustomerContacted:
    return CustomerContacted(direction="outbound", about="inquiry", rep_id=rep, **said(at, "people", **message))
