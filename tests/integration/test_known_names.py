"""A name that the store does not know is an error with the nearest names; it never looks like an empty answer."""

import pytest

from tests.integration.command import Command
from tests.integration.messages import SOURCE, booked, cancelled, confirmed, message, placed, registered

STORE_OF = (
    registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder"),
    placed("SO-10248", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-1", rep_id="rep-1", account_id="ACME"),
    booked("SO-10248", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z"),
    confirmed("SO-10248", "2025-03-10T10:00:00Z"),
    # nobody registered this rep, nor the account
    placed("SO-10250", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-2", rep_id="rep-27", account_id="LILA"),
    booked("SO-99999", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z"),
    placed("CLOSED", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-3", rep_id="rep-9"),
    cancelled("CLOSED", "2025-03-04T10:00:00Z"),
    placed("MOVED", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-4", rep_id="rep-8"),
    message("order.reassigned", "MOVED", "2025-03-04T10:00:00Z", {"rep_id": "rep-1"}),
    b"{}",
)
UNKNOWN: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("overdue", "--rep", "rep-11"), 1, "no message speaks of rep rep-11; the nearest: rep-1 (Ann Alder)"),
    (("late", "--rep", "rep-28"), 1, "no message speaks of rep rep-28; the nearest: rep-1 (Ann Alder), rep-27"),
    (("scorecard", "--rep", "REP-1"), 1, "no message speaks of rep REP-1; the nearest: rep-1 (Ann Alder)"),
    (("restated", "overdue", "--known-at", "2025-01-01", "--rep", "rep-11"), 1, "the nearest: rep-1 (Ann Alder)"),
    (("export", "overdue", "--to", "x.csv", "--rep", "rep-11"), 1, "no message speaks of rep rep-11"),
    (("restated", "overdeu", "--known-at", "2025-01-01"), 2, "did you mean overdue?"),
    (("export", "Overdeu", "--to", "x.csv"), 2, "did you mean overdue?"),
    (("diff", "order-states2"), 2, "did you mean order_states?"),
    (("order", "SO-10249"), 1, "nothing is known of order SO-10249; the nearest: SO-10248, SO-10250"),
    (("order", "so-10248"), 1, "nothing is known of order so-10248; the nearest: SO-10248"),
    (("order", "10248"), 1, "the nearest: SO-10248"),
    (("order", "SO-10248", "--known-at", "2025-01-01"), 1, "nothing was known of order SO-10248 by then: its first"),
    (("events", "--stream", "order-SO-10249"), 1, "there is no stream order-SO-10249; the nearest: order-SO-10248"),
    (("events", "--stream", "SO-10248"), 1, "there is no stream SO-10248; the nearest: order-SO-10248"),
    (("events", "--stream", "rep-rep-11"), 1, "there is no stream rep-rep-11; the nearest: rep-rep-1"),
    (("events", "--source", SOURCE + "x"), 1, f"no message of {SOURCE}x is known; did you mean {SOURCE}?"),
    (("events", "--type", "OrderPlacd"), 2, "did you mean OrderPlaced?"),
    (("held", "list", "--subject", "SO-99998"), 1, "no message is about SO-99998; the nearest: SO-99999"),
    (("held", "list", "--source", SOURCE + "x"), 1, f"did you mean {SOURCE}?"),
    (
        ("dead-letters", "list", "--type", "order.plaed.v1"),
        2,
        "order.plaed.v1; did you mean order.placed.v1?",
    ),
    (("dead-letters", "list", "--topic", "order"), 1, "nothing came by order"),
    (("dead-letters", "discard", "--source", SOURCE + "x", "--reason", "why"), 1, f"did you mean {SOURCE}?"),
    (("quote", "--mode", "courier", "--carrier", "Swfit"), 1, "no shipment has the carrier Swfit; the nearest: Swift"),
    (("quote", "--mode", "courier", "--account", "ACNE"), 1, "no account ACNE is known; the nearest: ACME"),
    (("void", "--source", SOURCE + "x", "--reason", "wrong"), 1, f"did you mean {SOURCE}?"),
)
KNOWN: tuple[tuple[str, ...], ...] = (
    ("overdue", "--rep", "rep-1"),  # registered, and has nothing overdue
    ("late", "--rep", "rep-27"),  # only an order names it
    ("overdue", "--rep", "rep-9"),  # held an order that is closed
    ("overdue", "--rep", "rep-8"),  # held an order that another rep has now
    ("orders", "--rep", "rep-8", "--as-of", "2025-03-01"),
    ("quote", "--mode", "pickup", "--account", "LILA"),
    ("quote", "--mode", "pickup", "--carrier", "Swift"),
    ("held", "list", "--subject", "SO-10248"),
    ("held", "list", "--source", SOURCE, "--type", "order.placed.v1"),
    ("dead-letters", "list", "--source", SOURCE),
    ("events", "--source", "waybill/operator", "--stream", "order-SO-10248"),
)


@pytest.fixture
def filled(waybill: Command) -> Command:
    waybill.ingest(*STORE_OF)
    return waybill


def test_an_unknown_name_is_an_error_with_the_nearest_names_in_every_format(filled: Command) -> None:
    for command, code, said in UNKNOWN:
        ran = filled(*command).exited(code, said)
        assert ran.text == "", command
    assert filled("overdue", "--rep", "rep-11", "--format", "json").exited(1, "the nearest: rep-1").text == ""
    assert not (filled.folder / "x.csv").exists()


def test_a_known_name_that_has_no_rows_is_no_error(filled: Command) -> None:
    for command in KNOWN:
        filled(*command).done()


def test_an_unknown_name_may_be_one_that_the_views_do_not_have_yet(filled: Command) -> None:
    more = placed("SO-10300", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", rep_id="rep-40")
    filled("ingest", filled.file("more.jsonl", more), "--no-project").done()
    filled("late", "--rep", "rep-40").exited(1, "the views are behind, so ask again after waybill project --once")


def test_in_an_empty_store_every_name_is_unknown_because_it_is_empty(waybill: Command) -> None:
    waybill.ingest()
    waybill("order", "SO-1").exited(1, "nothing is known of order SO-1; the store waybill.db is empty")
    waybill("overdue", "--rep", "rep-1").exited(1, "the store waybill.db is empty: no message was ever received")
