"""`waybill prune` as an operator types it: what it shows, what it does, and what a pruned order then says."""

from pathlib import Path

import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from tests.archived_orders import BEFORE, ESTIMATE, PLACED, archive_with_rows, closed_order, open_order, take_history
from tests.integration.command import Command
from tests.integration.messages import booked

PRUNE = ("prune", "--archived-before", BEFORE, "--archive", "archive")
RETURNED = {
    "specversion": "1.0",
    "id": "late",
    "source": "/late",
    "type": "order.reinstated.v1",
    "time": "2025-07-01T09:00:00Z",
    "subject": "SO-1",
    "data": {"reason": "by mistake"},
}


@pytest.fixture
def archived(waybill: Command) -> Path:
    """The folder of the command has a store of two closed orders, its archive and the rows of it."""
    with Waybill(Settings(store=f"sqlite:///{waybill.store}")) as store:
        take_history(store, *closed_order("SO-1"), *closed_order("SO-2"), open_order("SO-9"))
        archive_with_rows(store, waybill.folder / "archive")
    return waybill.folder


def test_a_prune_is_shown_then_done_listed_and_undone(waybill: Command, archived: Path) -> None:
    # when one asks, then nothing changes
    shown = waybill(*PRUNE).done()
    assert "nothing was changed; to prune them, add --do" in shown.text
    assert waybill("prune", "--list").done().text.strip().endswith("no order is pruned")
    # when it is done, then it says what became of the space, and both orders are listed
    done = waybill.ask(*PRUNE, "--do", "--operator", "ann")
    assert (done["done"], done["orders"], done["events"]) == (True, 2, 6)
    assert {(row["order_id"], row["events"], row["operator"]) for row in waybill.ask("prune", "--list")} == {
        ("SO-1", 3, "ann"),
        ("SO-2", 3, "ann"),
    }
    assert "2 orders pruned: 6 events in archive" in waybill("status").done().text
    # and done again, it has nothing to do
    assert waybill.ask(*PRUNE, "--do")["pruned_before"] == 2
    # when one is brought back, then it is whole again, and alone
    undo = ("prune", "--undo", "SO-1", "--archive", "archive")
    assert waybill.ask(*undo) == [{"order_id": "SO-1", "events": 3, "changed": 0}]
    assert [row["order_id"] for row in waybill.ask("prune", "--list")] == ["SO-2"]
    assert waybill("order", "SO-1").done().text
    assert "these orders have their events already" in waybill(*undo).done().text
    waybill("verify").done()


def test_the_commands_of_a_pruned_order_say_what_to_type(waybill: Command, archived: Path) -> None:
    waybill(*PRUNE, "--do").done()
    undo = "waybill prune --undo SO-1 --archive archive"
    waybill("order", "SO-1").exited(1, "its rows are here, its events are in the archive archive", undo)
    waybill("orders", "--known-at", "2025-03-07").exited(
        1,
        "2 orders were pruned from this store, and what was known at an instant is settled from the events of all "
        "orders, whatever is asked",
        "waybill spark ask orders --known-at 2025-03-07T00:00:00Z --archive archive",
    )
    both = ("--as-of", "2025-03-04", "--known-at", "2025-03-07")
    waybill("overdue", *both).exited(
        1, "waybill spark ask overdue --as-of 2025-03-04T00:00:00Z --known-at 2025-03-07T00:00:00Z --archive archive"
    )
    waybill("rebuild", "--all").exited(1, "waybill spark rebuild, then waybill rebuild --from DIR")
    # and an export has every relation but the timelines, and says so
    exported = waybill("export", "--all", waybill.folder / "files", "--format", "csv").done()
    assert "order_timeline is left out: 2 orders were pruned" in " ".join(exported.err.split())
    there = {path.name for path in (waybill.folder / "files").iterdir()}
    assert "orders.csv" in there and "order_timeline.csv" not in there
    # and whoever wants to correct a message of it is told what to type
    booking = booked("SO-1", PLACED, ESTIMATE)
    waybill("correct", booking["source"], booking["id"], "--reason", "wrong", "--set", "data.carrier=x").exited(1, undo)
    # and an order that does not exist is not brought back
    waybill("prune", "--undo", "SO-11", "--archive", "archive").exited(1, "nothing is known of order SO-11", "SO-1")
    # and a message that still comes is held, with the same command, which takes it
    waybill.ingest(RETURNED)
    (told,) = waybill.ask("message", "/late", "late")
    assert told["verdict"] == "held" and undo in told["what_changed"]
    assert waybill.ask(*undo.split()[1:])[0]["changed"] == 1
    assert waybill.ask("message", "/late", "late")[0]["verdict"] == "refused"


def test_orders_that_stay_are_counted_with_the_reason(waybill: Command, archived: Path) -> None:
    waybill.ingest(*closed_order("SO-3"))
    shown = waybill(*PRUNE).done()
    assert "Left out" in shown.text and "the archive does not have all its events" in shown.text


def test_an_order_is_not_brought_back_from_another_archive(waybill: Command, archived: Path) -> None:
    waybill(*PRUNE, "--do").done()
    other = waybill.with_(WAYBILL_STORE=f"sqlite:///{archived}/other.db")
    other.ingest(*closed_order("SO-1"))
    other("archive", "--to", "other").done()
    waybill("prune", "--undo", "SO-1", "--archive", "other").exited(1, "was pruned into the archive", "is another one")
