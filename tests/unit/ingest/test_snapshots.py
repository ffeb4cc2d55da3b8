"""A settling that was kept takes what comes next as the one that it was made of would, or says that it cannot."""

from typing import Any

from consumers.ingest.snapshots import restore_snapshot, take_snapshot
from domain.fact import Fact
from domain.settling import Settling
from domain.stepping import can_be_stepped_on, step_on
from domain.streams import settle_stream
from tests.unit.domain.facts import attempted, booked, dispatched, placed, voided

STREAM = "order-SO-1"
REFUSED_AT_9 = (placed(8), booked(8.5), booked(9, "S-2"))


def kept(*facts: Fact) -> bytes | None:
    return take_snapshot(settle_stream(STREAM, list(facts), watched=False))


def restored(*facts: Fact) -> Settling[Any]:
    return restore_snapshot(STREAM, kept(*facts) or b"")


def test_what_needs_all_facts_again_is_not_kept() -> None:
    wrong = booked(9)
    assert kept() is None
    assert kept(placed(8), dispatched(9)) is None
    assert kept(placed(8), wrong, voided(wrong)) is None


def test_what_was_kept_takes_a_further_fact_of_its_last_instant() -> None:
    assert can_be_stepped_on(restored(placed(8), booked(9)), [dispatched(9)])


def test_not_so_where_something_was_forbidden_at_that_instant_for_that_is_not_kept() -> None:
    settling = restored(*REFUSED_AT_9)
    assert not can_be_stepped_on(settling, [attempted(9)])
    assert can_be_stepped_on(settling, [attempted(10)])


def test_what_was_forbidden_is_of_no_account_once_its_instant_has_passed() -> None:
    settling = restored(*REFUSED_AT_9)
    step_on(settling, [attempted(10)])
    assert can_be_stepped_on(settling, [attempted(10)])


def test_kept_once_more_it_still_tells_that_something_was_forbidden() -> None:
    again = restore_snapshot(STREAM, take_snapshot(restored(*REFUSED_AT_9)) or b"")
    assert not can_be_stepped_on(again, [attempted(9)])
