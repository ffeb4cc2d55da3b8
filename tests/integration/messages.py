"""Messages as upstream systems write them: a small vocabulary, so that a test can tell a story in one screen."""

from typing import Any

Document = dict[str, Any]

SOURCE = "/order-entry"


def message(type_: str, subject: str, time: str, data: Document, **envelope: Any) -> Document:
    """A CloudEvents 1.0 event. Its id says what it is and when; another one is given as `id`."""
    return {
        "specversion": "1.0",
        "id": f"{subject}.{type_}.{time}",
        "source": SOURCE,
        "type": f"{type_}.v1",
        "time": time,
        "subject": subject,
        "data": data,
        **envelope,
    }


def line(number: Any = 1, quantity: Any = 1, unit_price: Any = "10.00") -> Document:
    return {"line": number, "sku": f"SKU-{number}", "quantity": quantity, "unit_price": unit_price}


def placed(order: str, time: str, promised_by: str, *lines: Document, **more: Any) -> Document:
    """An order of rep-1 for ACME, of one line unless some are given; `more` changes fields or the envelope."""
    data = {
        "account_id": "ACME",
        "rep_id": "rep-1",
        "segment": "b2b",
        "channel": "inbound_call",
        "currency": "USD",
        "lines": list(lines) or [line()],
        "promised_by": promised_by,
    }
    envelope = {name: more.pop(name) for name in ("id", "source", "recordedtime") if name in more}
    return message("order.placed", order, time, {**data, **more}, **envelope)


def booked(order: str, time: str, estimated_delivery: str, shipment: str = "S1", **more: Any) -> Document:
    data = {
        "shipment_id": shipment,
        "mode": "courier",
        "carrier": "Swift",
        "estimated_delivery": estimated_delivery,
    }
    envelope = {name: more.pop(name) for name in ("id", "source", "recordedtime") if name in more}
    return message("shipment.booked", order, time, {**data, **more}, **envelope)


def dispatched(order: str, time: str, shipment: str = "S1", **envelope: Any) -> Document:
    return message("shipment.dispatched", order, time, {"shipment_id": shipment}, **envelope)


def confirmed(order: str, time: str, shipment: str = "S1", **envelope: Any) -> Document:
    """All that was left of the shipment has arrived."""
    return message("delivery.confirmed", order, time, {"shipment_id": shipment}, **envelope)


def cancelled(order: str, time: str, **envelope: Any) -> Document:
    return message("order.cancelled", order, time, {"reason": "changed their mind"}, **envelope)


def voided(wrong: Document, time: str, **envelope: Any) -> Document:
    named = {"source": wrong["source"], "id": wrong["id"], "reason": "typed by mistake"}
    return message("message.voided", wrong["subject"], time, named, **envelope)


def registered(rep: str, time: str, name: str, **more: Any) -> Document:
    return message("rep.registered", rep, time, {"name": name, "level": "senior", **more})


def contacted(account: str, time: str, rep: str) -> Document:
    data = {"direction": "inbound", "about": "order", "rep_id": rep}
    return message("customer.contacted", account, time, data)


def requested(order: str, time: str, request: str = "E1") -> Document:
    data = {"request_id": request, "needed_by": "2025-03-08T12:00:00Z", "reason": "trade fair"}
    return message("expedite.requested", order, time, data)


def declined(order: str, time: str, request: str = "E1") -> Document:
    return message("expedite.declined", order, time, {"request_id": request, "reason": "no lorry free"})


def delayed(order: str, time: str, estimated_delivery: str, shipment: str = "S1") -> Document:
    data = {"shipment_id": shipment, "estimated_delivery": estimated_delivery, "reason": "snow"}
    return message("shipment.delayed", order, time, data)


def attempted(order: str, time: str, shipment: str = "S1") -> Document:
    return message("delivery.attempted", order, time, {"shipment_id": shipment, "reason": "nobody there"})
