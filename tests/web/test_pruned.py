"""What the HTTP API and the pages say of an order that was pruned: it is gone from here, where it is, what to type."""

from pathlib import Path

from infra.app.prune.prune import prune
from infra.cli.arguments import read_instant
from infra.store.operator_log import Who
from tests.archived_orders import BEFORE, archive_with_rows, closed_order, open_order, take_history
from tests.web.conftest import Served


def test_what_needs_the_events_of_a_pruned_order_is_gone_and_says_what_to_do(
    sqlite_web: Served, tmp_path: Path
) -> None:
    # given an order that was pruned
    waybill, archive = sqlite_web.waybill, tmp_path / "archive"
    take_history(waybill, *closed_order("SO-1"), open_order("SO-9"))
    archive_with_rows(waybill, archive)
    assert prune(waybill, Who("ann", ""), str(archive), str(archive / "rows"), read_instant(BEFORE)).orders == 1
    undo = f"waybill prune --undo SO-1 --archive {archive}"
    # then its timeline is gone, with the commands
    answer = sqlite_web.client.get("/v1/orders/SO-1")
    assert answer.status_code == 410
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "its rows are here, its events are in the archive" in answer.json()["detail"]
    assert undo in answer.json()["detail"]
    # and so is its page
    page = sqlite_web.client.get("/orders/SO-1", headers={"accept": "text/html"})
    assert page.status_code == 410
    assert "its events are in the archive" in page.text and undo in page.text
    # and what was known, of any view, with the command that asks it
    then = sqlite_web.client.get("/v1/views/overdue", params={"known_at": "2025-03-07T00:00:00Z"})
    assert then.status_code == 410
    asked = f"waybill spark ask overdue --known-at 2025-03-07T00:00:00Z --archive {archive}"
    assert asked in then.json()["detail"]
    # but its rows are here, as they were
    rows = sqlite_web.client.get("/v1/views/orders").json()["rows"]
    assert {(row["order_id"], row["status"]) for row in rows} == {("SO-1", "delivered"), ("SO-9", "open")}
