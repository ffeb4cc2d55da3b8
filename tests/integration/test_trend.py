"""given orders with a promise, when a trend is asked for, then it tells how many were overdue at each instant."""

from tests.integration.command import Command
from tests.integration.messages import booked, confirmed, placed

DAYS = ("--since", "2025-03-06T12:00:00Z", "--until", "2025-03-10T00:00:00Z", "--every", "1d")


def test_a_trend_has_a_count_for_each_instant_and_each_rep(waybill: Command) -> None:
    waybill.ingest(
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"),
        booked("SO-1", "2025-03-03T10:00:00Z", "2025-03-07T12:00:00Z"),
        confirmed("SO-1", "2025-03-09T11:00:00Z"),
        placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-08T11:59:59Z", rep_id=None),
    )

    found = waybill.ask("trend", "overdue", *DAYS, "--by", "rep")

    assert [(row["as_of"], row["rep_id"], row["orders"]) for row in found] == [
        ("2025-03-06T12:00:00Z", None, 0),
        ("2025-03-06T12:00:00Z", "rep-1", 0),
        ("2025-03-07T12:00:00Z", None, 0),
        ("2025-03-07T12:00:00Z", "rep-1", 0),  # at the very promise it is not overdue
        ("2025-03-08T12:00:00Z", None, 1),
        ("2025-03-08T12:00:00Z", "rep-1", 1),
        ("2025-03-09T12:00:00Z", None, 1),
        ("2025-03-09T12:00:00Z", "rep-1", 0),
    ]


def test_instants_that_cannot_be_counted_are_wrong_usage(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"))

    waybill("trend", "late", "--since", "2025-03-06", "--until", "2025-03-05").exited(
        2, "--until", "end before it begins"
    )
    waybill("trend", "overdue", "--since", "2025-03-06", "--every", "day").exited(2, "'day' is not an age")
