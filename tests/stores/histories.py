"""A sales floor to fill stores with, wrong messages among them, and how it is taken in."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from infra.simulation import simulate

UNTIL = datetime(2025, 6, 30, 16, tzinfo=UTC)
BATCH_LINES = 20


SCANS_OF_NO_SHIPMENT = [
    b'{"specversion":"1.0","id":"S-%d","source":"northline","type":"parcel.dispatched.v1","subject":"NL-NOBODYS-%d",'
    b'"time":"2026-03-02T09:00:00Z","data":{"carrier":"Northline"}}' % (number, number)
    for number in (1, 2)
]
"""What a carrier says of tracking numbers that no booking names."""

STANDING_ORDERS = [
    b'{"specversion":"1.0","id":"T-%d","source":"crm","type":"standing_order.established.v1","subject":"standing-%d",'
    b'"time":"2026-03-02T09:00:00Z","data":{"account_id":"ACME","rep_id":"rep-1","segment":"b2b","currency":"USD",'
    b'"lines":[{"line":1,"quantity":2,"unit_price":"3.50"}],"every":{"weekday":%d},"first_on":"2026-03-10",'
    b'"lead_days":2}}' % (number, number, number)
    for number in (1, 2)
]
"""Two standing orders; no reactor has placed anything for them."""


def floor(orders: int, wrong: float = 0.1) -> list[bytes]:
    """The messages of a sales floor; the same for the same arguments."""
    return list(simulate(orders, 5, UNTIL, wrong))


@contextmanager
def up_to_date(store: str) -> Iterator[Waybill]:
    """A store with a small floor, whose views are up to date."""
    with Waybill(in_small_batches(store)) as waybill:
        take_in(waybill, floor(12))
        waybill.project()
        yield waybill


def in_small_batches(store: str, retry_seconds: float = 300) -> Settings:
    """Settings with which there is much in between."""
    return Settings(store=store, batch_messages=BATCH_LINES, batch_events=50, retry_seconds=retry_seconds)


def take_in(waybill: Waybill, lines: Sequence[bytes], name: str = "floor") -> None:
    """Store the messages in small batches, without projecting them."""
    content = b"\n".join(lines)
    pipeline = waybill.ingest()
    pipeline.finish(pipeline.read(JsonLines(name, lambda: io.BytesIO(content), batch_lines=BATCH_LINES)).feed_id)
