"""Accounts are registered, assigned and called; nothing of it waits and nothing is forbidden."""

from tests.unit.domain.facts import account_assigned, account_registered, again, contacted
from tests.unit.domain.specification import given, heard

ALFKI = account_registered(8, "Alfreds Futterkiste", "b2b", rep="ann", tier="gold", time_zone="Europe/Berlin")


def test_a_registered_account_has_what_the_registration_says() -> None:
    given().when(ALFKI).then_applied().summary(
        account_id="ALFKI",
        name="Alfreds Futterkiste",
        segment="b2b",
        rep_id="ann",
        tier="gold",
        time_zone="Europe/Berlin",
    )


def test_registering_again_sets_all_fields_anew() -> None:
    given(ALFKI, account_assigned(9, "bob")).when(account_registered(10, "Alfreds", "b2c")).then_applied().summary(
        name="Alfreds", segment="b2c", rep_id=None, tier=None, time_zone=None
    )


def test_registering_again_in_the_same_words_applies_too() -> None:
    given(ALFKI, account_assigned(9, "bob")).when(again(ALFKI, at=10)).then_applied().summary(rep_id="ann")


def test_an_account_is_assigned_to_a_rep() -> None:
    given(ALFKI).when(account_assigned(9, "bob")).then_applied().summary(rep_id="bob", tier="gold")


def test_an_assignment_does_not_wait_for_the_registration() -> None:
    given().when(account_assigned(7, "bob")).then_applied().summary(rep_id="bob", name=None, segment=None)


def test_the_registration_counts_after_an_earlier_assignment() -> None:
    heard(ALFKI, account_assigned(7, "bob")).summary(rep_id="ann")


def test_a_call_does_not_wait_for_the_registration_and_changes_nothing_of_the_account() -> None:
    given().when(contacted(7, "bob")).then_applied().summary(name=None, rep_id=None)
    given(ALFKI).when(contacted(9, "bob")).then_applied().summary(rep_id="ann")


def test_every_call_counts_the_same_words_or_not() -> None:
    call = contacted(9, "bob")
    given(ALFKI, call).when(again(call, at=10)).then_applied()
