"""given a store in which somebody changed something by hand, then `waybill verify` finds it and exits with 1."""

import sqlite3
from contextlib import closing

import pytest

from projections.views.tables import (
    contacts,
    follow_up_periods,
    late_delivery_periods,
    order_states,
    rep_open_orders,
    rep_periods,
)
from tests.integration.command import Command
from tests.integration.messages import (
    booked,
    cancelled,
    confirmed,
    contacted,
    declined,
    placed,
    registered,
    requested,
)


@pytest.fixture
def kept(waybill: Command) -> Command:
    """A store with something of everything."""
    waybill.ingest(
        registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder"),
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
        requested("SO-1", "2025-03-04T09:00:00Z"),
        declined("SO-1", "2025-03-04T15:30:00Z"),
        booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z"),
        placed("SO-2", "2025-03-03T10:00:00Z", "2025-03-10T12:00:00Z"),
        booked("SO-2", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z"),
        confirmed("SO-2", "2025-03-11T11:45:18Z"),
        cancelled("SO-2", "2025-03-12T11:45:18Z"),
        contacted("ACME", "2025-03-04T16:00:18Z", "rep-1"),
        b"{}",
    )
    return waybill


def tamper(waybill: Command, statement: str) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        assert connection.execute(statement).rowcount > 0, "nothing was changed"


def test_an_untouched_store_has_no_discrepancies(kept: Command) -> None:
    found = kept.ask("verify")

    assert list(found) == ["checked", "findings", "position", "behind", "not_compared"]
    assert found["findings"] == []
    assert found["checked"]["messages"] == 10
    assert all(found["checked"].values())
    assert "no discrepancies" in kept("verify").done().text


TAMPERED = {
    "a period of an order": ("row", f"UPDATE {order_states} SET rep_id = 'rep-9' WHERE valid_to IS NULL"),
    "the value of an order": ("row", f"UPDATE {order_states} SET open_value = '9.99' WHERE open_value = '10.00'"),
    "a period that is gone": ("row", f"DELETE FROM {order_states} WHERE order_id = 'SO-1' AND stage = 'to_book'"),
    "a period of no order": (
        "row",
        f"UPDATE {order_states} SET order_id = 'SO-404' WHERE order_id = 'SO-1' AND valid_to IS NULL",
    ),
    "a late delivery": ("row", f"DELETE FROM {late_delivery_periods}"),
    "a follow-up": ("row", f"UPDATE {follow_up_periods} SET owed_since = owed_since + 1"),
    "a rep": ("row", f"UPDATE {rep_periods} SET name = 'Ann Elder'"),
    "a contact": ("row", f"UPDATE {contacts} SET rep_id = 'rep-2'"),
    "a total": ("total", f"UPDATE {rep_open_orders} SET open_orders = open_orders + 1"),
    "a total that is gone": ("total", f"DELETE FROM {rep_open_orders}"),
    "a verdict": ("verdict", "UPDATE messages SET verdict = 'applied' WHERE verdict = 'refused'"),
    "a reason": ("verdict", "UPDATE messages SET reason = 'just so' WHERE verdict = 'refused'"),
    "the instant of an effect": (
        "verdict",
        "UPDATE messages SET took_effect_at = took_effect_at + 1 WHERE type = 'delivery.confirmed.v1'",
    ),
    "a message that is gone": ("verdict", "DELETE FROM messages WHERE type = 'expedite.declined.v1'"),
    "an event that is gone": ("verdict", "DELETE FROM stored_events WHERE topic LIKE '%declined%'"),
    "a book": ("books", "UPDATE feeds SET applied = applied + 1"),
    "a book that still balances": ("books", "UPDATE feeds SET applied = applied - 1, refused = refused + 1"),
    "a letter that is gone": ("books", "DELETE FROM malformed_messages"),
    "a repeat that never was": ("books", "UPDATE messages SET repeats = 1 WHERE type = 'rep.registered.v1'"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_by_hand_is_found(kept: Command, what: str) -> None:
    check, statement = TAMPERED[what]
    tamper(kept, statement)

    ran = kept("verify", "--format", "json").exited(1)

    findings = ran.json["findings"]
    assert check in {finding["check"] for finding in findings}
    assert {tuple(finding) for finding in findings} == {("check", "subject", "expected", "found")}


def test_findings_are_shown_in_every_format(kept: Command) -> None:
    tamper(kept, f"UPDATE {rep_open_orders} SET open_orders = 77")

    assert "77" in kept("verify").exited(1).text
    assert "77" in kept("verify", "--format", "csv").exited(1).rows[0]["found"]


def test_verifying_changes_nothing(kept: Command) -> None:
    tamper(kept, "UPDATE feeds SET applied = applied + 1")
    assert kept("verify", "--format", "json").exited(1).json == kept("verify", "--format", "json").exited(1).json


def test_a_projection_that_lags_or_is_paused_is_compared_at_its_own_position(kept: Command) -> None:
    kept("pause", "reps", "--reason", "a test").done()
    kept("ingest", kept.file("more.jsonl", registered("rep-2", "2025-03-01T08:00:00Z", "Bo Birch"))).done()

    found = kept.ask("verify")
    assert (found["findings"], found["behind"]) == ([], {"reps": 2})  # the pause itself is an event, too
    kept("verify").exited(0, "not compared: reps after position", "it is paused, and 2 events behind", "waybill resume")

    # and a row that differs there is found
    tamper(kept, f"UPDATE {rep_periods} SET name = 'Ann Elder'")
    (finding,) = kept("verify", "--format", "json").exited(1).json["findings"]
    assert finding["check"] == "row" and finding["found"] == "name Ann Elder"


def test_a_sample_is_the_same_each_time_and_leaves_totals_out(kept: Command) -> None:
    tamper(kept, f"UPDATE {rep_open_orders} SET open_orders = 77")

    found = kept.ask("verify", "--sample", "2", "--seed", "5")
    assert found["checked"]["streams"] == 2 and "totals" not in found["checked"]
    assert found == kept.ask("verify", "--sample", "2", "--seed", "5")
    assert "not compared: totals" in kept("verify", "--sample", "0.5").done().err
    assert kept.ask("verify", "--sample", "4")["checked"]["messages"] == 10
    for wrong in ("0", "-1", "1.5", "half", "0.0"):
        kept("verify", f"--sample={wrong}").exited(2, "neither a share of the streams")


def test_since_an_instant_only_streams_with_newer_events_are_checked(kept: Command) -> None:
    tamper(kept, f"UPDATE {late_delivery_periods} SET mode = 'drone'")  # of SO-2
    between = kept.ask("events", "--stream", "order-SO-2")[-1]["recorded_at"]
    kept("ingest", kept.file("more.jsonl", requested("SO-1", "2025-03-06T09:00:00Z", request="E2"))).done()
    later = kept.ask("events", "--stream", "order-SO-1")[-1]["recorded_at"]
    assert between < later

    assert kept.ask("verify", "--since", later)["checked"]["streams"] == 1
    (finding,) = kept("verify", "--since", between, "--format", "json").exited(1).json["findings"]
    assert finding["check"] == "row"
