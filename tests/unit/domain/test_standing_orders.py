"""A standing order is established, established anew, and stopped; what was found missed is kept."""

from datetime import date

from domain.standing_order.events import Every
from domain.verdict import Verdict
from tests.unit.domain.facts import again, established, missed, stopped, voided
from tests.unit.domain.specification import given, heard

WEEKLY = established(8, every=Every(weekday=2), first_on=date(2026, 3, 3), lead_days=2, until=date(2026, 12, 31))


def test_an_established_standing_order_has_the_terms_of_the_message() -> None:
    given().when(WEEKLY).then_applied().summary(
        account_id="ALFKI",
        every=Every(weekday=2),
        first_on=date(2026, 3, 3),
        lead_days=2,
        until=date(2026, 12, 31),
        stopped=False,
        missed=(),
    )


def test_establishing_again_sets_all_terms_anew() -> None:
    given(WEEKLY).when(established(9, every=Every(days=3))).then_applied().summary(
        every=Every(days=3), lead_days=0, until=None
    )


def test_establishing_again_in_the_same_words_applies_too() -> None:
    given(WEEKLY).when(again(WEEKLY, at=10)).then_applied()


def test_a_stop_ends_it_and_establishing_again_starts_it_again() -> None:
    given(WEEKLY).when(stopped(9)).then_applied().summary(stopped=True, every=Every(weekday=2))
    given(WEEKLY, stopped(9)).when(established(10)).then_applied().summary(stopped=False, every=Every(days=7))


def test_a_stop_waits_until_it_is_established() -> None:
    given().when(stopped(7)).then_held("standing order 12 is not known yet").summary(stopped=False)
    heard(stopped(7), WEEKLY).summary(stopped=True)


def test_a_second_stop_is_already_so() -> None:
    given(WEEKLY, stopped(9)).when(stopped(10)).then_duplicate("the standing order is stopped already")
    given(WEEKLY, stopped(9), established(10)).when(stopped(11)).then_applied()


def test_without_the_voided_establishing_the_stop_waits_again() -> None:
    stop = stopped(9)
    assert heard(WEEKLY, stop, voided(WEEKLY, 12)).outcome_of(stop).verdict is Verdict.HELD


def test_what_was_found_missed_waits_for_nothing_and_survives_new_terms() -> None:
    given().when(missed(7, date(2026, 3, 3))).then_applied().summary(missed=(date(2026, 3, 3),))
    given(WEEKLY, missed(12, date(2026, 3, 10)), established(13)).when(missed(14, date(2026, 3, 3))).summary(
        missed=(date(2026, 3, 3), date(2026, 3, 10))
    )
