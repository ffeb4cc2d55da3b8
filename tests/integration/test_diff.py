"""given a view that somebody changed by hand, then `waybill diff` says which rows a rebuild would change."""

import sqlite3
from contextlib import closing

import pytest

from projections.views.tables import order_states
from tests.integration.command import Command
from tests.integration.messages import booked, placed


@pytest.fixture
def kept(waybill: Command) -> Command:
    waybill.ingest(
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
        booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z"),
    )
    return waybill


def tamper(waybill: Command, change: str) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        assert connection.execute(f"UPDATE {order_states} SET {change} WHERE valid_to IS NULL").rowcount == 1


def test_nothing_differs_and_the_exit_code_is_0(kept: Command) -> None:
    ran = kept("diff", "all").done()

    assert "a rebuild would change nothing" in ran.text


def test_a_changed_column_is_shown_with_both_values_and_the_exit_code_is_1(kept: Command) -> None:
    tamper(kept, "carrier = 'nobody'")

    ran = kept("diff", "overdue", "--format", "json").exited(1)
    shown = kept("diff", "overdue").exited(1)

    rows, totals = ran.json
    assert (rows["table"], rows["added"], rows["gone"], rows["changed"]) == ("order_states", 0, 0, 1)
    assert rows["columns"] == {"carrier": 1}
    assert rows["samples"] == [
        {
            "change": "changed",
            "key": ["SO-1", "2025-03-05T10:00:00Z"],
            "columns": {"carrier": {"now": "nobody", "rebuilt": "Swift"}},
        }
    ]
    assert totals["changed"] == 0
    assert "SO-1, 2025-03-05T10:00:00Z" in shown.text
    assert "a rebuild would change order_states" in shown.text


def test_a_name_that_is_no_view_is_wrong_usage(kept: Command) -> None:
    kept("diff", "nothing").exited(2, "neither a view nor a projection", "order_states")
