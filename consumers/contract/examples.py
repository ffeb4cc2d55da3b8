"""One example of every message: the story of the order SO-10248 of the account ALFKI, taken by rep-7."""

from collections.abc import Mapping
from typing import Any

_ORDER, _REP, _ACCOUNT = "SO-10248", "rep-7", "ALFKI"
_STANDING_ORDER, _TRACKING_NUMBER = "12", "1Z999AA1"

# Message type, source, time, subject, data.
_STORY: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    (
        "order.placed.v1",
        "order-entry",
        "2026-03-02T09:14:05+01:00",
        _ORDER,
        {
            "account_id": _ACCOUNT,
            "rep_id": _REP,
            "segment": "b2b",
            "channel": "inbound_call",
            "currency": "EUR",
            "lines": [
                {"line": 1, "sku": "GEAR-4711", "quantity": "12", "unit_price": "14.00"},
                {"line": 2, "sku": "BELT-42", "quantity": "2.5", "unit_price": "9.80"},
            ],
            "promised_by": "2026-03-09T17:00:00+01:00",
            "reference": "PO 2026/118",
        },
    ),
    (
        "order.amended.v1",
        "order-entry",
        "2026-03-02T11:30:00+01:00",
        _ORDER,
        {
            "lines": [{"line": 1, "sku": "GEAR-4711", "quantity": "10", "unit_price": "14.00"}],
            "reason": "The customer found belts in stock.",
        },
    ),
    (
        "order.reassigned.v1",
        "crm",
        "2026-03-03T08:00:00+01:00",
        _ORDER,
        {"rep_id": "rep-9", "reason": "rep-7 is on holiday."},
    ),
    (
        "order.rescheduled.v1",
        "order-entry",
        "2026-03-03T15:20:00+01:00",
        _ORDER,
        {"promised_by": "2026-03-10T17:00:00+01:00", "reason": "The customer's dock is closed on the 9th."},
    ),
    (
        "order.cancelled.v1",
        "order-entry",
        "2026-03-12T10:00:00+01:00",
        "SO-10251",
        {"reason": "The customer ordered twice."},
    ),
    (
        "expedite.requested.v1",
        "crm",
        "2026-03-04T09:05:00+01:00",
        _ORDER,
        {
            "request_id": "EX-1",
            "needed_by": "2026-03-06T12:00:00+01:00",
            "reason": "The customer's line stands still.",
            "requested_by": "customer",
        },
    ),
    (
        "expedite.granted.v1",
        "crm",
        "2026-03-04T10:40:00+01:00",
        _ORDER,
        {"request_id": "EX-1", "promised_by": "2026-03-06T12:00:00+01:00", "surcharge": "35.00"},
    ),
    (
        "expedite.declined.v1",
        "crm",
        "2026-03-04T10:40:00+01:00",
        "SO-10249",
        {"request_id": "EX-1", "reason": "No courier drives on Sunday."},
    ),
    (
        "customer.informed.v1",
        "crm",
        "2026-03-04T11:00:00+01:00",
        "SO-10249",
        {"about": "expedite", "request_id": "EX-1", "channel": "phone", "note": "Spoke with Ms Anders."},
    ),
    (
        "shipment.booked.v1",
        "carrier-feed",
        "2026-03-04T12:00:00Z",
        _ORDER,
        {
            "shipment_id": "SH-1",
            "mode": "courier",
            "carrier": "United Package",
            "service_level": "next day",
            "lines": [{"line": 1, "quantity": "6"}],
            "pickup_at": "2026-03-05T07:00:00Z",
            "estimated_delivery": "2026-03-06T10:00:00Z",
            "cost": "21.40",
            "tracking_number": "1Z 999 AA1",
        },
    ),
    (
        "shipment.rebooked.v1",
        "carrier-feed",
        "2026-03-04T16:30:00Z",
        _ORDER,
        {
            "shipment_id": "SH-1",
            "carrier": "Speedy Express",
            "estimated_delivery": "2026-03-06T09:00:00Z",
            "cost": "24.00",
            "tracking_number": None,
            "reason": "The first carrier has no van left.",
        },
    ),
    ("shipment.dispatched.v1", "warehouse", "2026-03-05T07:12:44.250Z", _ORDER, {"shipment_id": "SH-1"}),
    (
        "shipment.delayed.v1",
        "carrier-feed",
        "2026-03-05T18:00:00Z",
        _ORDER,
        {"shipment_id": "SH-1", "estimated_delivery": "2026-03-06T14:00:00Z", "reason": "Snow on the A7."},
    ),
    (
        "shipment.cancelled.v1",
        "carrier-feed",
        "2026-03-06T08:00:00Z",
        _ORDER,
        {"shipment_id": "SH-2", "reason": "Lost at the depot."},
    ),
    (
        "delivery.attempted.v1",
        "carrier-feed",
        "2026-03-06T10:20:00Z",
        _ORDER,
        {"shipment_id": "SH-1", "reason": "Nobody at the dock."},
    ),
    (
        "delivery.confirmed.v1",
        "carrier-feed",
        "2026-03-06T13:41:09Z",
        _ORDER,
        {"shipment_id": "SH-1", "lines": [{"line": 1, "quantity": "6"}], "signed_by": "M. Anders"},
    ),
    (
        "message.voided.v1",
        "carrier-feed",
        "2026-03-06T15:00:00Z",
        _ORDER,
        {"source": "carrier-feed", "id": "delivery-attempted-1", "reason": "It was another customer's parcel."},
    ),
    (
        "customer.contacted.v1",
        "crm",
        "2026-03-09T09:30:00+01:00",
        _ACCOUNT,
        {"direction": "outbound", "about": "promotion", "rep_id": _REP, "note": "Interested in the spring list."},
    ),
    (
        "rep.registered.v1",
        "crm",
        "2026-01-02T08:00:00+01:00",
        _REP,
        {"name": "Robin King", "level": "entry", "team": "north", "mentor_id": "rep-2"},
    ),
    ("rep.changed.v1", "crm", "2026-07-01T08:00:00+02:00", _REP, {"level": "senior", "mentor_id": None}),
    (
        "rep.quota_set.v1",
        "crm",
        "2026-02-25T12:00:00+01:00",
        _REP,
        {"month": "2026-03", "currency": "EUR", "target_amount": "40000"},
    ),
    (
        "rep.pay_plan_set.v1",
        "crm",
        "2026-01-02T08:00:00+01:00",
        _REP,
        {
            "month": "2026-01",
            "base": "2400.00",
            "currency": "EUR",
            "commission_percent": "1.5",
            "quota_bonus": "300",
            "new_account_bonus": "50",
        },
    ),
    (
        "account.registered.v1",
        "crm",
        "2026-01-15T14:00:00+01:00",
        _ACCOUNT,
        {
            "name": "Alfreds Futterkiste",
            "segment": "b2b",
            "rep_id": _REP,
            "tier": "gold",
            "time_zone": "Europe/Berlin",
        },
    ),
    ("account.assigned.v1", "crm", "2026-04-01T08:00:00+02:00", _ACCOUNT, {"rep_id": "rep-9"}),
    (
        "standing_order.established.v1",
        "crm",
        "2026-04-01T09:30:00+02:00",
        _STANDING_ORDER,
        {
            "account_id": _ACCOUNT,
            "rep_id": "rep-9",
            "segment": "b2b",
            "currency": "EUR",
            "lines": [{"line": 1, "sku": "BELT-42", "quantity": "4", "unit_price": "9.80"}],
            "every": {"weekday": "Tuesday"},
            "first_on": "2026-04-14",
            "lead_days": 3,
            "until": "2026-12-31",
        },
    ),
    (
        "standing_order.stopped.v1",
        "crm",
        "2026-09-30T16:00:00+02:00",
        _STANDING_ORDER,
        {"reason": "The customer changed machines."},
    ),
    (
        "delivery.returned.v1",
        "warehouse",
        "2026-03-10T11:25:00Z",
        _ORDER,
        {
            "shipment_id": "SH-1",
            "lines": [{"line": 1, "quantity": "2"}],
            "reason": "Two gears are worn.",
            "replace": True,
        },
    ),
    (
        "order.reinstated.v1",
        "order-entry",
        "2026-03-13T09:00:00+01:00",
        "SO-10251",
        {
            "reason": "The customer wants it after all.",
            "promised_by": "2026-03-20T17:00:00+01:00",
        },
    ),
    ("rep.left.v1", "crm", "2026-12-31T17:00:00+01:00", "rep-9", {"reason": "Moved to another house."}),
    ("parcel.dispatched.v1", "parcel-feed", "2026-03-05T07:30:00Z", _TRACKING_NUMBER, {"carrier": "Speedy Express"}),
    (
        "parcel.delayed.v1",
        "parcel-feed",
        "2026-03-05T18:05:00Z",
        _TRACKING_NUMBER,
        {"carrier": "Speedy Express", "estimated_delivery": "2026-03-06T14:00:00Z", "reason": "Snow on the A7."},
    ),
    (
        "parcel.attempted.v1",
        "parcel-feed",
        "2026-03-06T10:20:00Z",
        _TRACKING_NUMBER,
        {"carrier": "Speedy Express", "reason": "Nobody at the dock."},
    ),
    (
        "parcel.delivered.v1",
        "parcel-feed",
        "2026-03-06T13:41:09Z",
        _TRACKING_NUMBER,
        {"carrier": "Speedy Express", "signed_by": "M. Anders"},
    ),
)


def _message(message_type: str, source: str, time: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    family, verb, _ = message_type.split(".")
    return {
        "specversion": "1.0",
        "id": f"{family}-{verb}-1",
        "source": source,
        "type": message_type,
        "time": time,
        "subject": subject,
        "datacontenttype": "application/json",
        "data": data,
    }


EXAMPLES: Mapping[str, dict[str, Any]] = {told[0]: _message(*told) for told in _STORY}
"""Message type to a message of it in structured JSON."""
