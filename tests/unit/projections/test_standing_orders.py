"""given terms, placed orders and missed dates, then `standing_orders` says what is due next and what was placed."""

from datetime import date

import msgspec
import pytest

from consumers.reactors.standing_orders import placements_at
from domain.fact import Fact
from domain.standing_order.events import Every
from projections.standing_orders import missed_dates, standing_order_periods
from projections.standing_placements import standing_placements
from tests.unit.domain.facts import amended, established, missed, oclock, placed, stopped, voided
from tests.unit.projections.specification import Projected, Projecting, row

DAILY = established(8, every=Every(days=1), first_on=date(2026, 3, 2))
WEEKLY = established(8, every=Every(weekday=2), first_on=date(2026, 3, 2), lead_days=2, until=date(2026, 3, 31))


def told(projecting: Projecting, *facts: Fact, placed_by: float, voided_order: str | None = None) -> Projected:
    """These facts of standing order 12, and the orders that follow from them by then; the placing of one is voided."""
    history = projecting.given(*facts)
    for message in placements_at("12", facts, {}, "UTC", oclock(placed_by)):
        history = history.given(message.fact, of=message.subject)
        if message.subject == voided_order:
            history = history.given(voided(message.fact, placed_by))
    return history


def test_a_standing_order_has_a_period_for_each_of_its_terms(projecting: Projecting) -> None:
    projecting.given(WEEKLY, stopped(33), established(57, every=Every(month_day=31), account="BLONP")).then(
        standing_order_periods,
        row(
            standing_order_id="12",
            valid_from=8,
            valid_to=33,
            account_id="ALFKI",
            rep_id="ann",
            stopped=False,
            every="every Tuesday",
            lead_days=2,
            until="2026-03-31",
            step_days=7,
            month_day=None,
            first_day=(date(2026, 3, 3) - date(1970, 1, 1)).days,
        ),
        row(valid_from=33, valid_to=57, stopped=True, every="every Tuesday"),
        row(valid_from=57, valid_to=None, account_id="BLONP", every="day 31 of every month", step_days=None),
    )


def test_new_terms_and_a_stop_at_one_instant_leave_one_period(projecting: Projecting) -> None:
    projecting.given(established(8, every=Every(days=3)), stopped(8)).then(
        standing_order_periods, row(valid_from=8, valid_to=None, stopped=True)
    )


def test_what_was_placed_and_what_is_due_next_depend_on_the_instant(projecting: Projecting) -> None:
    history = told(projecting, WEEKLY, placed_by=24 * 15)
    history.then(
        standing_placements,
        row(order_id="12-2026-03-03", standing_order_id="12", due_on="2026-03-03", placed_at=8),
        row(order_id="12-2026-03-10", placed_at=24 * 6),
        row(order_id="12-2026-03-17", placed_at=24 * 13),
    )
    history.seen("standing-orders", 7.5)
    nothing_missed = {"standing_order_id": "12", "missed": 0}
    history.seen(
        "standing-orders", 8, row(next_due="2026-03-10", last_order_id="12-2026-03-03", placed=1, **nothing_missed)
    )
    history.seen(
        "standing-orders",
        24 * 13,
        row(next_due="2026-03-24", last_order_id="12-2026-03-17", placed=3, **nothing_missed),
    )


def test_nothing_is_due_next_after_the_end_or_a_stop(projecting: Projecting) -> None:
    told(projecting, WEEKLY, placed_by=24 * 40).seen("standing-orders", 24 * 40, row(next_due=None, placed=5))
    history = told(projecting, WEEKLY, stopped(33), placed_by=24 * 15)
    history.seen("standing-orders", 32, row(next_due="2026-03-10")).seen(
        "standing-orders", 33, row(next_due=None, last_order_id="12-2026-03-03", placed=1)
    )


def test_a_missed_date_is_counted_and_not_due_any_more(projecting: Projecting) -> None:
    found = missed(24 * 9, date(2026, 3, 3))
    history = projecting.given(WEEKLY, found)
    history.then(missed_dates, row(standing_order_id="12", due_on="2026-03-03", missed_at=24 * 9))
    history.seen("standing-orders", 24 * 8, row(next_due="2026-03-03", last_order_id=None, placed=0, missed=0))
    history.seen("standing-orders", 24 * 9, row(next_due="2026-03-10", last_order_id=None, placed=0, missed=1))


def test_a_date_whose_placing_was_voided_is_not_placed_and_not_due_any_more(projecting: Projecting) -> None:
    history = told(projecting, DAILY, placed_by=24, voided_order="12-2026-03-03")
    history.then(
        standing_placements,
        row(order_id="12-2026-03-02", placed_at=8, counts=True),
        row(order_id="12-2026-03-03", standing_order_id="12", due_on="2026-03-03", placed_at=24, counts=False),
    )
    history.seen("standing-orders", 23, row(next_due="2026-03-03", placed=1))
    history.seen("standing-orders", 24, row(next_due="2026-03-04", last_order_id="12-2026-03-02", placed=1, missed=0))
    history = told(projecting, DAILY, placed_by=72, voided_order="12-2026-03-03")
    history.seen("standing-orders", 72, row(next_due="2026-03-06", last_order_id="12-2026-03-05", placed=3, missed=0))


def test_a_placing_counts_again_when_its_void_is_voided(projecting: Projecting) -> None:
    (*_, last) = placements_at("12", [DAILY], {}, "UTC", oclock(24))
    void = voided(last.fact, 25)
    told(projecting, DAILY, placed_by=24).given(void).given(voided(void, 26)).seen(
        "standing-orders", 30, row(next_due="2026-03-04", last_order_id="12-2026-03-03", placed=2)
    )


def test_a_date_whose_placing_was_refused_is_not_placed_and_not_due_any_more(projecting: Projecting) -> None:
    upstreams = placed(7)
    history = told(projecting, DAILY, placed_by=24).given(upstreams, of="12-2026-03-03")
    history.seen("standing-orders", 24, row(next_due="2026-03-04", last_order_id="12-2026-03-02", placed=1, missed=0))
    # Without the upstream's order, it is placed.
    history.given(voided(upstreams, 26)).seen(
        "standing-orders", 24, row(next_due="2026-03-04", last_order_id="12-2026-03-03", placed=2, missed=0)
    )


def test_a_refused_placing_is_still_handled_after_more_facts_of_the_order(projecting: Projecting) -> None:
    (first,) = placements_at("12", [DAILY], {}, "UTC", oclock(8))
    history = projecting.given(DAILY).given(placed(7), of=first.subject).given(first.fact, of=first.subject)
    history = history.given(amended(9, {1: 2}), of=first.subject).given(amended(10, {1: 3}), of=first.subject)
    history.seen("standing-orders", 12, row(next_due="2026-03-03", last_order_id=None, placed=0, missed=0))


def test_a_voided_marker_is_no_missed_date_and_its_date_is_not_due_any_more(projecting: Projecting) -> None:
    found = missed(24 * 9, date(2026, 3, 3))
    history = projecting.given(WEEKLY, found, voided(found, 24 * 10))
    history.then(missed_dates, row(due_on="2026-03-03", missed_at=24 * 9, counts=False))
    history.seen("standing-orders", 24 * 8, row(next_due="2026-03-03", placed=0, missed=0))
    history.seen("standing-orders", 24 * 9, row(next_due="2026-03-10", last_order_id=None, placed=0, missed=0))


def test_dates_placed_under_earlier_terms_are_not_due_again(projecting: Projecting) -> None:
    # The weekly order was placed two weeks ahead; the daily terms that replace it fill the days before it.
    ahead = established(8, every=Every(days=7), first_on=date(2026, 3, 2), lead_days=14)
    history = told(projecting, ahead, established(32, every=Every(days=1), first_on=date(2026, 3, 3)), placed_by=32)
    history.seen("standing-orders", 32, row(next_due="2026-03-04", placed=4, last_order_id="12-2026-03-03"))
    history = told(projecting, ahead, established(32, every=Every(days=1), first_on=date(2026, 3, 3)), placed_by=24 * 6)
    history.seen("standing-orders", 24 * 6, row(next_due="2026-03-10", placed=9))


def test_an_order_of_somebody_else_for_it_is_no_placement(projecting: Projecting) -> None:
    foreign = msgspec.structs.replace(placed(8), standing_order_id="12")
    projecting.given(foreign, of="12-2026-03-03").then(standing_placements)


def test_without_the_voided_terms_there_is_no_standing_order(projecting: Projecting) -> None:
    projecting.given(WEEKLY, voided(WEEKLY, 9)).seen("standing-orders", 24)


@pytest.mark.parametrize(
    ("every", "first_on", "by", "next_due"),
    [
        (Every(month_day=31), date(2026, 1, 31), 24 * 30, "2026-04-30"),
        (Every(month_day=30), date(2024, 1, 30), 0, "2026-03-30"),
        (Every(month_day=29), date(2023, 12, 31), -24 * 740, "2024-02-29"),
        (Every(month_day=31), date(2027, 12, 31), 24 * 800, "2028-05-31"),
        (Every(days=1), date(2026, 2, 26), 24 * 10, "2026-03-13"),
        (Every(days=13), date(2025, 12, 31), 24 * 10, "2026-03-19"),
        (Every(weekday=7), date(2026, 3, 1), 24 * 10, "2026-03-15"),
        (Every(days=1_000_000), date(2026, 3, 2), 24 * 10, "4764-01-28"),
    ],
)
def test_the_next_date_is_that_of_the_calendar(
    projecting: Projecting, every: Every, first_on: date, by: float, next_due: str
) -> None:
    terms = established(min(by, 0) - 24, every=every, first_on=first_on)
    told(projecting, terms, placed_by=by).seen("standing-orders", by, row(next_due=next_due))
