"""What a store would be without the incident."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.fault.kafka_aftermath import answers_of
from tests.integration.command import Command

UNTIL = datetime.fromisoformat("2025-06-30T16:00:00Z")
"""When the sales floors of the incidents end."""
OF_THE_WAY_THERE = ("messages", "letters", "books")
"""What differs if messages were sent twice, refused first or discarded."""


def views(waybill: Command) -> dict[str, Any]:
    """Every view at two instants. `waybill verify` finds nothing."""
    store = waybill.setting("WAYBILL_STORE", f"sqlite:///{waybill.store}")
    return {name: rows for name, rows in answers_of(store).items() if name not in OF_THE_WAY_THERE}


def assert_as_without(waybill: Command, undisturbed: Command, lines: Sequence[bytes]) -> None:
    """The views are as those of a store that was given these lines in peace."""
    undisturbed.ingest(*lines)
    found, expected = views(waybill), views(undisturbed)
    for name, rows in expected.items():
        assert found[name] == rows, name
