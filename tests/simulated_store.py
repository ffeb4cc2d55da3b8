"""A store with a simulated sales floor, for tests that need a whole desk: late news, open work, refused messages."""

import json
from datetime import UTC, datetime
from threading import Event

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.simulation import simulate
from tests.integration.messages import Document, booked, confirmed, placed

FLOOR_ENDS = datetime(2026, 6, 30, 16, tzinfo=UTC)
"""The clock of a desk that looks at such a store."""
ORDER_HEARD_LATE = "SO-HEARD-LATE"
"""Delivered on time on 3 April; the service heard of it on 25 June. Until then it looked longest overdue of all."""
HEARD_LATE = (
    placed(ORDER_HEARD_LATE, "2026-04-01T08:00:00Z", "2026-04-03T16:00:00Z", rep_id="rep-1")
    | {"recordedtime": "2026-04-01T08:00:00Z"},
    booked(ORDER_HEARD_LATE, "2026-04-01T09:00:00Z", "2026-04-03T12:00:00Z") | {"recordedtime": "2026-04-01T09:00:00Z"},
    confirmed(ORDER_HEARD_LATE, "2026-04-03T11:00:00Z") | {"recordedtime": "2026-06-25T07:00:00Z"},
)


def fill_with_floor(waybill: Waybill, orders: int, seed: int = 7, wrong: float = 0.02) -> None:
    """Take in a floor that ends at FLOOR_ENDS, each message recorded when it came, let the reactors follow, project."""
    lines = [*simulate(orders, seed, FLOOR_ENDS, wrong, history=True), *map(json_line, HEARD_LATE)]
    source = JsonLines.of_one_batch("floor", lines)
    with ingest_source(waybill, source, honour_recordedtime=True, project=False):
        pass
    waybill.react(Event(), once=True)
    waybill.project()


def json_line(document: Document) -> bytes:
    return json.dumps(document).encode()
