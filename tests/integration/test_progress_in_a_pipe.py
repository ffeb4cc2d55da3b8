"""What works for long tells how far it is, where nobody has a terminal: in lines of the log on standard error."""

import json
from typing import Any

from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.command import Command, Ran
from tests.integration.messages import placed
from tests.rows_folders import folder_of_rows

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


def told(ran: Ran, event: str) -> dict[str, tuple[int, int]]:
    """How far each part was when it was told last: done, of how much."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    return {line["part"]: (line["done"], line["total"]) for line in lines if line["event"] == event}


def test_each_part_of_a_long_command_is_told_with_how_much_there_is(waybill: Command) -> None:
    logging = waybill.with_(WAYBILL_LOG_LEVEL="auto", WAYBILL_LOG_FORMAT="json")
    waybill.ingest(placed("SO-1", EARLY, PROMISE), placed("SO-2", EARLY, PROMISE), b"no message")

    archived = told(logging("archive", "--to", "archive").done(), "archive_progress")
    assert archived["events"] == (2, 2) and archived["messages"] == (2, 2) and archived["malformed_messages"] == (1, 1)

    verified = told(logging("archive", "verify", "archive", "--against-store").done(), "archive_progress")
    assert verified["rows"][0] == verified["rows"][1] > 5
    assert verified["streams"] == verified["books"] == (16, 16)
    assert verified["store"] == (2, 2)

    with Waybill(Settings(store=f"sqlite:///{waybill.store}")) as store:
        folder_of_rows(store, waybill.folder / "rows")
    loaded = told(logging("rebuild", "--all", "--from", "rows").done(), "rebuild_progress")
    assert loaded["checking"][0] == loaded["checking"][1] and loaded["loading"][0] == loaded["loading"][1] > 0

    restored = logging.with_(WAYBILL_STORE=f"sqlite:///{waybill.folder}/restored.db")
    assert told(restored("restore", "--from", "archive").done(), "store_restoring")["events"] == (2, 2)
