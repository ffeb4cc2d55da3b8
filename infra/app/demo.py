"""Demo: the messages of its two stories, and the queries that they need."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any, NamedTuple

import msgspec

from consumers.sources.json_lines import JsonLines
from domain.derived import facts_among, is_derived
from domain.order.events import ShipmentDispatched
from domain.order.kind import ORDER
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.app.ingest import IngestReport, ingest_source
from infra.queries.views import Asked
from infra.simulation import simulate
from projections.views.catalogue import view_named

SHARE_OF_WRONG_MESSAGES = 0.01
ORDER_TOLD_BACKWARDS = "SO-900001"


class DemoMessage(NamedTuple):
    """A message that an upstream system publishes during the demo. `time` is UTC."""

    source: str
    id: str
    type: str
    time: datetime
    subject: str
    data: Mapping[str, Any]


class OrderToldBackwards(NamedTuple):
    """Three messages of one order, in the order in which they come: the dispatch, the booking, the placing."""

    dispatch: DemoMessage
    booking: DemoMessage
    placing: DemoMessage


class OverdueOrder(NamedTuple):
    """An overdue order that one shipment on its way would complete."""

    order_id: str
    promised_by: datetime
    dispatch: ShipmentDispatched

    def delivered_early(self) -> DemoMessage:
        """The confirmation of that shipment, from before the promise."""
        return DemoMessage(
            self.dispatch.source,
            f"LATE-{self.order_id}",
            "delivery.confirmed.v1",
            self.promised_by - timedelta(hours=1, minutes=20),
            self.order_id,
            {"shipment_id": self.dispatch.shipment_id, "signed_by": "goods in"},
        )


def write_floor(path: Path, orders: int, seed: int, until: datetime) -> int:
    """Write the messages of a simulated sales team, with when each of them came, to a file; returns how many."""
    written = 0
    with path.open("wb") as file:
        for line in simulate(orders, seed, until, SHARE_OF_WRONG_MESSAGES, history=True):
            file.write(line + b"\n")
            written += 1
    return written


def ingest_floor(waybill: Waybill, path: Path) -> IngestReport:
    """Ingest that file, let the reactors state what follows from it, and project both."""
    source = JsonLines.of_file(path, batch_lines=waybill.settings.batch_messages)
    with ingest_source(waybill, source, honour_recordedtime=True, project=False) as report:
        pass
    waybill.react(Event(), once=True)
    waybill.project()
    return report


def ingest_message(waybill: Waybill, message: DemoMessage) -> None:
    """Ingest and project one message, as if its source had just published it."""
    body = msgspec.json.encode({"specversion": "1.0", **message._asdict()})
    with ingest_source(waybill, JsonLines.of_bytes(message.source, body)):
        pass


def order_told_backwards(now: datetime) -> OrderToldBackwards:
    """An order that was promised for yesterday and is still on its way."""
    order_id, shipment_id = ORDER_TOLD_BACKWARDS, f"{ORDER_TOLD_BACKWARDS}-S1"
    yesterday = now.replace(hour=0, minute=0, second=0) - timedelta(days=1)
    promised_by = yesterday + timedelta(hours=16)
    placed_at = yesterday - timedelta(days=2, hours=16)
    return OrderToldBackwards(
        DemoMessage(
            "/couriers/northline",
            "NL-DEMO-1",
            "shipment.dispatched.v1",
            placed_at + timedelta(hours=3),
            order_id,
            {"shipment_id": shipment_id},
        ),
        DemoMessage(
            "/order-entry",
            "OE-DEMO-2",
            "shipment.booked.v1",
            placed_at + timedelta(hours=1),
            order_id,
            {
                "shipment_id": shipment_id,
                "mode": "courier",
                "carrier": "Northline",
                "estimated_delivery": promised_by - timedelta(hours=4),
            },
        ),
        DemoMessage(
            "/order-entry",
            "OE-DEMO-1",
            "order.placed.v1",
            placed_at,
            order_id,
            {
                "account_id": "AC-10001",
                "rep_id": "rep-1",
                "segment": "b2b",
                "channel": "inbound_call",
                "currency": "EUR",
                "lines": [{"line": 1, "sku": "BX-100", "quantity": "12", "unit_price": "14.00"}],
                "promised_by": promised_by,
            },
        ),
    )


def overdue_on_its_way(waybill: Waybill) -> OverdueOrder:
    """The overdue order with the latest promise, among those that one shipment in transit would complete.

    An order of the floor, if it has one; the order that was told backwards is such an order, too.
    """
    overdue = waybill.views.ask(view_named("overdue"), Asked()).rows
    rows = [row for row in overdue if row["stage"] == "in_transit" and row["hours_overdue"] > 2]
    for row in sorted(
        rows, key=lambda row: (row["order_id"] != ORDER_TOLD_BACKWARDS, row["promised_by"]), reverse=True
    ):
        stream = stream_name(ORDER, row["order_id"])
        events = [stored.event for stored in waybill.history.stream(stream)]
        settling = settle_stream(stream, facts_among(events))
        dispatches = [moment.fact for moment in settling.moments if isinstance(moment.fact, ShipmentDispatched)]
        live = [shipment.shipment_id for shipment in settling.state.live_shipments()]
        completes = live == [fact.shipment_id for fact in dispatches[-1:]]
        quiet = settling.moments[-1].at < row["promised_by"] - timedelta(hours=2)
        # What a reactor states is not a carrier's own message; a confirmation needs a carrier that knows the shipment.
        by_carrier = dispatches and not is_derived(dispatches[-1])
        if completes and by_carrier and quiet and not settling.state.left_to_book():
            return OverdueOrder(row["order_id"], row["promised_by"], dispatches[-1])
    raise AssertionError(f"{ORDER_TOLD_BACKWARDS} must be overdue and on its way")


def wait_for_a_whole_second(waybill: Waybill) -> datetime:
    """A whole second to use in a command: earlier messages are known at it, later ones are not."""
    second = waybill.clock().replace(microsecond=0) + timedelta(seconds=1)
    while waybill.clock() <= second:
        sleep(0.02)
    return second
