"""What was true at an instant, and what the service knew at an instant."""

from domain.settling import up_to
from tests.unit.domain.facts import booked, cancelled, delivered, oclock, placed, voided
from tests.unit.domain.specification import History, heard

PLACED = placed(8, recorded=8)
BOOKED = booked(9, recorded=9)
ARRIVED = delivered(11, recorded=30)
FACTS = (PLACED, BOOKED, ARRIVED)


def test_as_of_an_instant_all_counts_that_had_occurred_by_then_however_late_we_heard() -> None:
    assert up_to(FACTS, occurred=oclock(11)) == list(FACTS)
    assert up_to(FACTS, occurred=oclock(10.99)) == [PLACED, BOOKED]
    heard(*FACTS).at(11).summary(status="delivered")
    heard(*FACTS).at(10.99).summary(status="open")


def test_as_known_at_an_instant_all_counts_that_was_recorded_by_then() -> None:
    assert up_to(FACTS, recorded=oclock(30)) == list(FACTS)
    assert up_to(FACTS, recorded=oclock(29.99)) == [PLACED, BOOKED]
    History(up_to(FACTS, recorded=oclock(20))).summary(status="open")


def test_both_clocks_combine() -> None:
    assert up_to(FACTS, occurred=oclock(8.5), recorded=oclock(30)) == [PLACED]
    assert up_to(FACTS, occurred=oclock(30), recorded=oclock(8.5)) == [PLACED]


def test_a_void_counts_as_of_any_instant_but_only_once_it_is_known() -> None:
    wrong = cancelled(9, recorded=9)
    void = voided(wrong, at=20, recorded=20)
    facts = (PLACED, wrong, void)
    assert up_to(facts, occurred=oclock(10)) == [PLACED, wrong, void]
    assert up_to(facts, recorded=oclock(10)) == [PLACED, wrong]
    History(up_to(facts, occurred=oclock(10))).summary(status="open")
    History(up_to(facts, occurred=oclock(10), recorded=oclock(19))).summary(status="cancelled")


def test_without_a_limit_every_fact_counts() -> None:
    assert up_to(FACTS) == list(FACTS)
