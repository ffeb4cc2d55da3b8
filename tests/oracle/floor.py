"""Histories that were taken in, and what the oracles do with them."""

import gzip
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.integration.command import Command

Row = dict[str, Any]

KEYS = {
    "overdue": ("order_id",),
    "at-risk": ("order_id",),
    "late": ("order_id",),
    "workload": ("rep_id",),
    "follow-ups": ("order_id", "about", "request_id"),
    "orders": ("order_id",),
    "order-lines": ("order_id", "line"),
    "shipments": ("order_id", "shipment_id"),
    "expedites": ("order_id", "request_id"),
    "scorecard": ("rep_id", "month", "currency"),
    "accounts": ("account_id", "currency"),
    "carriers": ("carrier", "mode", "month", "currency"),
}
"""What a row of each view is one of."""

QUANTITIES = ("quantity", "booked", "delivered", "over_delivered", "returned", "unit_price", "cost")


@dataclass(frozen=True)
class TakenIn:
    """A history in a store: its lines, what `ingest` said, and the command that asks the store."""

    file: Path
    waybill: Command
    counts: dict[str, int]

    @property
    def lines(self) -> list[bytes]:
        content = self.file.read_bytes()
        return (gzip.decompress(content) if self.file.suffix == ".gz" else content).splitlines()

    def ask(self, view: str, as_of: str | None = None, known_at: str | None = None) -> list[Row]:
        """The command's answer in JSON."""
        clocks = [*(("--as-of", as_of) if as_of else ()), *(("--known-at", known_at) if known_at else ())]
        return list(self.waybill.ask(view, *clocks))


def assert_same(view: str, found: Sequence[Row], expected: Sequence[Row]) -> None:
    """The same rows, whatever their order; says which ones differ, and in what."""
    one, other = ({tuple(row[name] for name in KEYS[view]): row for row in rows} for rows in (found, expected))
    assert len(one) == len(found), "a key twice"
    differing = {
        key: columns if a and b else (a, b)
        for key in one.keys() | other.keys()
        if (a := one.get(key)) != (b := other.get(key)) and (columns := _differing(a or {}, b or {}))
    }
    few = list(differing.items())[:5]
    assert not differing, f"{len(differing)} of {len(other)} rows of {view} differ (found, expected): {few}"


def _differing(one: Row, other: Row) -> dict[str, tuple[Any, Any]]:
    """The columns that differ; quantities by value, for 1.50 is 1.5."""
    return {
        name: (one.get(name), other.get(name))
        for name in one | other
        if (one.get(name), name in one) != (other.get(name), name in other)
        and not (name in QUANTITIES and one.get(name) and Decimal(one[name]) == Decimal(other.get(name) or "NaN"))
    }


FOR_REACTORS = re.compile(rb'"type": ?"(parcel|standing_order)\.')


def dated(file: Path) -> Path:
    """A copy in which each message that has a time says when it was recorded: up to five days later, or a bit before.

    Drawn from the line itself, so that it is always the same. Messages for the reactors are left out: what was known
    includes what follows from them, and this reading of the design does not derive it.
    """
    copy = file.with_name(f"dated-{file.name}")
    lines = (line for line in file.read_bytes().splitlines() if not FOR_REACTORS.search(line))
    copy.write_bytes(b"".join(_dated(line) + b"\n" for line in lines))
    return copy


def _dated(line: bytes) -> bytes:
    try:
        document = json.loads(line)
        time = datetime.fromisoformat(document["time"])
    except (ValueError, KeyError):
        return line
    drawn = zlib.crc32(line)
    late = timedelta(hours=drawn % 120) if drawn % 3 == 0 else timedelta(minutes=drawn % 240 - 20)
    return json.dumps({**document, "recordedtime": (time + late).isoformat()}).encode()
