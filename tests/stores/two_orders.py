"""Two orders with their shipments, and a confirmation about an order that nobody placed: what upstreams sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from tests.integration.messages import booked, confirmed, dispatched, placed, registered
from tests.stores.documents import take_in

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
CARRIER = "/carrier"
FLOOR = (
    registered("rep-1", EARLY, "Ann"),
    placed("SO-1", EARLY, PROMISE, id="O-1"),
    booked("SO-1", "2025-03-04T09:00:00Z", PROMISE, id="B-1"),
    dispatched("SO-1", "2025-03-05T09:00:00Z", id="D-1", source=CARRIER),
    confirmed("SO-1", "2025-03-06T09:00:00Z", id="C-1", source=CARRIER),
    placed("SO-2", EARLY, PROMISE, id="O-2"),
    booked("SO-2", "2025-03-04T09:00:00Z", PROMISE, id="B-2", shipment="S2"),
    dispatched("SO-2", "2025-03-07T09:00:00Z", shipment="S2", id="D-2", source=CARRIER),
    confirmed("SO-9", "2025-03-06T09:00:00Z", id="C-9", source=CARRIER),
)


@contextmanager
def filled(store: str) -> Iterator[Waybill]:
    with Waybill(Settings(store=store, batch_messages=2), clock=lambda: NOW) as waybill:
        take_in(waybill, *FLOOR)
        yield waybill


def rows(waybill: Waybill) -> dict[str, list[Any]]:
    names = ("orders", "shipments", "overdue", "late", "order-lines", "workload")
    return {name: list(waybill.views.ask(view_named(name), Asked(as_of=NOW)).rows) for name in names}
