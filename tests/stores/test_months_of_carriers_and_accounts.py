"""Carriers and accounts by month: on each database the months are those of the business time zone, by both clocks."""

import json
from datetime import datetime
from typing import Any

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from tests.integration.messages import Document, booked, confirmed, placed
from tests.stores.conftest import StoreUrl

# In New York it is still March until four in the morning in UTC.
LATE_ON_THE_31ST, EARLY_ON_THE_1ST = "2026-04-01T03:59:59.999999Z", "2026-04-01T04:00:00Z"
PROMISE = "2026-04-03T12:00:00Z"


def order(order_id: str, at: str, value: str) -> list[Document]:
    """Placed and booked at this instant, and delivered the next day, which became known on the 8th."""
    line = {"line": 1, "quantity": 1, "unit_price": value}
    return [
        placed(order_id, at, PROMISE, line, recordedtime="2026-04-01T05:00:00Z"),
        booked(order_id, at, PROMISE, cost="5.00", recordedtime="2026-04-01T05:00:00Z"),
        confirmed(order_id, "2026-04-02T12:00:00Z", recordedtime="2026-04-08T05:00:00Z"),
    ]


def test_months_are_those_of_the_business_zone(new_store: StoreUrl) -> None:
    messages = [*order("SO-1", LATE_ON_THE_31ST, "10.00"), *order("SO-2", EARLY_ON_THE_1ST, "15.00")]
    with Waybill(Settings(store=new_store(), time_zone="America/New_York", log_level="error")) as waybill:
        ingest = waybill.ingest(honour_recordedtime=True)
        ingest.read(JsonLines.of_bytes("months", b"\n".join(json.dumps(each).encode() for each in messages)))
        waybill.project()

        def ask(view: str, as_of: str, known_at: str | None = None) -> list[tuple[Any, ...]]:
            known = None if known_at is None else datetime.fromisoformat(known_at)
            rows = waybill.views.ask(view_named(view), Asked(datetime.fromisoformat(as_of), known)).rows
            if view == "carriers":
                return [(row["month"], row["shipments"], row["delivered"]) for row in rows]
            return [(str(row["value_month_before"]), str(row["value_month"]), row["open_orders"]) for row in rows]

        assert ask("carriers", "2026-04-05T00:00:00Z") == [("2026-03", 1, 1), ("2026-04", 1, 1)]
        assert ask("accounts", LATE_ON_THE_31ST) == [("0.00", "10.00", 1)]
        assert ask("accounts", EARLY_ON_THE_1ST) == [("10.00", "15.00", 2)]
        assert ask("accounts", "2026-05-01T03:59:59Z") == [("10.00", "15.00", 0)]
        assert ask("accounts", "2026-05-01T04:00:00Z") == [("15.00", "0.00", 0)]
        # and as far as was known before the deliveries were recorded
        assert ask("carriers", "2026-04-05T00:00:00Z", "2026-04-05T00:00:00Z") == [("2026-03", 1, 0), ("2026-04", 1, 0)]
        assert ask("accounts", "2026-04-05T00:00:00Z", "2026-04-05T00:00:00Z") == [("10.00", "15.00", 2)]
