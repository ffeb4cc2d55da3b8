"""The command `waybill rebuild`: what it prints, and its exit codes."""

import sqlite3
from contextlib import closing
from pathlib import Path

from infra.app.container import Waybill
from infra.settings import Settings
from projections.views.tables import order_states
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.rows_folders import change_manifest, folder_of_rows

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


def edit_by_hand(waybill: Command, change: str) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection:
        connection.execute(f"UPDATE {order_states.name} SET {change}")
        connection.commit()


def test_rows_are_made_anew_set_back_and_dropped(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE), placed("SO-2", EARLY, PROMISE))
    edit_by_hand(waybill, "reference = 'by hand'")
    waybill("diff", "overdue").exited(1)

    ran = waybill("rebuild", "overdue", "--operator", "ann", "--reason", "edited by hand").done()

    assert "order_states" in ran.text and "waybill rebuild overdue --back" in ran.text
    waybill("diff", "overdue").done()
    waybill("verify").done()
    assert waybill("rebuild", "overdue", "--back", "--format", "json").done().json[0]["build"] == 0
    waybill("diff", "overdue").exited(1)
    waybill("rebuild", "overdue", "--back").exited(1, "serve already", "waybill rebuild order_states")
    waybill("rebuild", "overdue").done()
    assert waybill("rebuild", "overdue", "--drop-old", "--format", "json").done().json[0]["build"] == 0
    waybill("rebuild", "overdue", "--back").exited(1, "no earlier build and no earlier version")
    events = waybill("events", "--stream", "operator-ann", "--format", "json").done()
    assert "ProjectionRebuilt" in events.text and "edited by hand" in events.text


def test_a_paused_projection_moves_by_a_rebuild_and_says_so(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE))
    waybill("pause", "order_states", "--reason", "for the month's report").done()
    waybill.ingest(placed("SO-2", EARLY, PROMISE))
    ran = waybill("rebuild", "--all").done()
    assert "order_states is paused and stays so, but its new rows reflect position" in " ".join(ran.err.split())
    assert "order_lines is paused" not in ran.err
    # and it is paused as before
    assert "was not paused" not in waybill("resume", "order_states").done().text


def test_one_order_is_rebuilt(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE), placed("SO-2", EARLY, PROMISE))
    edit_by_hand(waybill, "reference = 'by hand' WHERE order_id = 'SO-1'")

    ran = waybill("rebuild", "--all", "--key", "SO-1", "--format", "json").done()

    assert {row["subject_id"] for row in ran.json} == {"SO-1"}
    waybill("diff", "all").done()
    waybill("rebuild", "--all", "--key", "SO-404").exited(1, "there is no", "SO-404")


def test_wrong_usage_names_the_fault(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE))
    waybill("rebuild").exited(2, "name a view or a projection, or give --all")
    waybill("rebuild", "overdue", "--all").exited(2, "name a view or a projection, or give --all")
    waybill("rebuild", "nothing").exited(2, "neither a view nor a projection")
    waybill("rebuild", "overdue", "--back", "--drop-old").exited(2, "stand alone")
    waybill("rebuild", "overdue", "--max-rate", "0").exited(2, "max-rate")


def test_progress_is_logged_where_there_is_no_terminal(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE))

    ran = waybill.with_(WAYBILL_LOG_LEVEL="info", WAYBILL_LOG_FORMAT="json")("rebuild", "--all").done()

    assert '"event": "rebuild_progress"' in ran.err
    assert '"event": "projection_switched"' in ran.err


def test_a_store_keeps_what_was_known_when_until_it_is_told_not_to(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE), placed("SO-2", EARLY, PROMISE))
    waybill("rebuild", "order_beliefs").exited(2, "waybill rebuild --bitemporal")
    waybill("rebuild", "--bitemporal", "overdue").exited(2, "stands alone")

    waybill("rebuild", "--bitemporal").done()
    waybill.ingest(placed("SO-3", EARLY, PROMISE))

    assert "order_beliefs" in {one["name"] for one in waybill.ask("status")["projections"]}
    rebuilt = waybill("rebuild", "--all", "--format", "json").done().json
    assert "order_beliefs" in {one["projection"] for one in rebuilt}
    waybill("diff", "all").done()
    waybill("verify").done()
    assert [row["order_id"] for row in waybill.ask("overdue", "--known-at", "2100-01-01T00:00:00Z")] == [
        row["order_id"] for row in waybill.ask("overdue")
    ]
    assert waybill("rebuild", "--no-bitemporal", "--format", "json").done().json[0]["projection"] == "order_beliefs"
    assert "order_beliefs" not in {one["name"] for one in waybill.ask("status")["projections"]}


def test_rows_that_were_made_elsewhere_are_loaded(waybill: Command, tmp_path: Path) -> None:
    waybill.ingest(placed("SO-1", EARLY, PROMISE), placed("SO-2", EARLY, PROMISE))
    with Waybill(Settings(store=f"sqlite:///{waybill.store}")) as store:
        folder = folder_of_rows(store, tmp_path / "rows")
    waybill.ingest(placed("SO-3", EARLY, PROMISE), name="more.jsonl")
    edit_by_hand(waybill, "reference = 'by hand'")

    ran = waybill("rebuild", "--all", "--from", folder, "--operator", "ann", "--format", "json").done()

    assert {row["build"] for row in ran.json} == {1}
    waybill("diff", "all").done()
    waybill("verify").done()
    change_manifest(folder, position=9_999_999)
    waybill("rebuild", "overdue", "--from", folder).exited(1, "cannot be loaded", "Nothing has changed")
    waybill("rebuild", "overdue", "--from", tmp_path).exited(2, "--from", "has no rows", "waybill spark rebuild")
    waybill("rebuild", "overdue", "--from", "nosuch://folder").exited(2, "--from", "nosuch")
    waybill("rebuild", "overdue", "--from", folder, "--back").exited(2, "stand alone")
    waybill("rebuild", "overdue", "--from", folder, "--processes", "2").exited(2, "--processes", "one process loads")
    waybill("rebuild", "--bitemporal", "--from", folder).exited(2, "stands alone")
