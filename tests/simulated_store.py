"""A store with a simulated sales floor, for tests that need a whole desk: late news, open work, refused messages."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.simulation import simulate

FLOOR_ENDS = datetime(2026, 6, 30, 16, tzinfo=UTC)
"""The clock of a desk that looks at such a store."""
LONGEST_SILENCE = timedelta(days=3)


def fill_with_floor(waybill: Waybill, orders: int, seed: int = 7, wrong: float = 0.02) -> None:
    """Take in a floor that ends at FLOOR_ENDS, each message recorded when it came, and project it."""
    lines = list(recorded_as_they_came(simulate(orders, seed, FLOOR_ENDS, wrong)))
    source = JsonLines.of_one_batch("floor", lines)
    with ingest_source(waybill, source, honour_recordedtime=True):
        pass


def recorded_as_they_came(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines with a recordedtime: a minute after the latest that had happened by then."""
    latest: datetime | None = None
    for line in lines:
        try:
            message = json.loads(line)
            time = datetime.fromisoformat(message["time"])
        except (ValueError, KeyError, TypeError):
            yield line  # broken on purpose
            continue
        if latest is None or time - latest < LONGEST_SILENCE:  # else its clock is wrong on purpose
            latest = time if latest is None else max(latest, time)
        recorded = min((latest or time) + timedelta(minutes=1), FLOOR_ENDS)
        yield json.dumps({**message, "recordedtime": recorded.isoformat()}).encode()
