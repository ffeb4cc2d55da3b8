"""given the SCMS delivery history, imported with its recorded times, then both clocks give what its rows give."""

from datetime import UTC, datetime

import pytest

from tests.oracle.floor import TakenIn, assert_same
from tests.oracle.straight import Straight, read_instant

AS_OF = (
    "2007-08-01T00:00:18Z",  # half a hundredth of an hour past midnight, when promises end
    "2009-04-07T12:00:00Z",
    "2011-11-23T23:59:59.999999Z",
    "2014-02-20T00:00:00Z",
    "2015-07-01T00:00:54Z",
)
VIEWS = ("overdue", "at-risk", "late", "workload", "carriers", "accounts")

# A question to the second clock settles the whole history, so not every view is asked at every instant.
KNOWN_AT = (
    ("overdue", "2014-02-20T00:00:00Z"),
    ("late", "2012-05-08T18:00:00Z"),
    ("workload", "2009-06-30T17:59:59Z"),
    ("carriers", "2011-12-31T18:00:00Z"),
)
DAY_IN_QUESTION, NINE_DAYS_LATER = "2014-02-20T00:00:00Z", "2014-03-01T00:00:00Z"
BOTH = (
    ("overdue", DAY_IN_QUESTION, DAY_IN_QUESTION),
    *((view, DAY_IN_QUESTION, NINE_DAYS_LATER) for view in VIEWS),
    ("late", "2010-09-15T00:00:18Z", "2012-01-01T00:00:00Z"),
    ("workload", "2013-01-01T00:00:00Z", "2011-06-01T00:00:00Z"),  # what the service of then would say of a day to come
    ("at-risk", "2011-06-10T00:00:00Z", "2011-06-09T00:00:00Z"),
    ("scorecard", "2012-05-01T00:00:00Z", "2012-05-01T00:00:00Z"),
    ("accounts", "2012-01-31T23:59:59.999999Z", "2012-02-10T18:00:00Z"),
)


@pytest.fixture(scope="module")
def straight(scms: TakenIn) -> Straight:
    return Straight(scms.lines)


def test_every_message_is_applied(scms: TakenIn) -> None:
    others = {"duplicate": 0, "held": 0, "refused": 0, "malformed": 0}
    assert scms.counts == {"received": 21_120, "applied": 21_120, **others}


def test_the_known_number_of_orders_was_late(scms: TakenIn) -> None:
    assert len(scms.ask("late")) == 807


def test_ten_were_overdue_in_truth_and_61_as_far_as_anybody_knew(scms: TakenIn) -> None:
    assert len(scms.ask("overdue", DAY_IN_QUESTION)) == 10
    assert len(scms.ask("overdue", DAY_IN_QUESTION, known_at=DAY_IN_QUESTION)) == 61


def test_the_51_that_had_arrived_are_restated_with_the_message_that_came_late(scms: TakenIn) -> None:
    clocks = ("--as-of", DAY_IN_QUESTION, "--known-at", DAY_IN_QUESTION)
    rows = scms.waybill.ask("restated", "overdue", *clocks)
    assert [(row["change"], row["is"]) for row in rows] == [("vanished", None)] * 51
    for row in rows:
        assert "delivery.confirmed.v1" in {message["type"] for message in row["messages"]}
        assert all(message["recorded_at"] > DAY_IN_QUESTION for message in row["messages"])


def test_everything_arrived_in_the_end(scms: TakenIn, straight: Straight) -> None:
    assert len(list(straight.orders())) == 7040
    assert scms.ask("workload") == []
    assert scms.ask("overdue") == []


@pytest.mark.parametrize("as_of", AS_OF)
@pytest.mark.parametrize("view", VIEWS)
def test_what_was_true(scms: TakenIn, straight: Straight, view: str, as_of: str) -> None:
    assert_same(view, scms.ask(view, as_of), straight.ask(view, read_instant(as_of)))


def test_the_scorecards(scms: TakenIn, straight: Straight) -> None:
    assert_same("scorecard", scms.ask("scorecard"), straight.ask("scorecard", datetime.now(UTC)))


@pytest.mark.parametrize(("view", "known_at"), KNOWN_AT)
def test_what_was_known(scms: TakenIn, straight: Straight, view: str, known_at: str) -> None:
    """The clock that promises are compared with is that of today, so the hours are left out."""
    expected = straight.ask(view, datetime.now(UTC), read_instant(known_at), as_of=False)

    found = [_timeless(row) for row in scms.ask(view, known_at=known_at)]

    assert_same(view, found, [_timeless(row) for row in expected])


@pytest.mark.parametrize(("view", "as_of", "known_at"), BOTH)
def test_what_was_known_of_what_was_true(
    scms: TakenIn, straight: Straight, view: str, as_of: str, known_at: str
) -> None:
    expected = straight.ask(view, read_instant(as_of), read_instant(known_at))

    assert_same(view, scms.ask(view, as_of, known_at), expected)


def _timeless(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "hours_overdue"}
