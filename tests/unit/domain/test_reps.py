"""Reps are registered and changed; quotas and pay plans wait for nobody."""

from domain.fact import Fact
from tests.unit.domain.facts import again, pay_plan_set, quota_set, rep_changed, rep_left, rep_registered
from tests.unit.domain.specification import given, heard

ANN = rep_registered(8, "Ann", "entry", team="east", mentor="bob")


def test_a_registered_rep_has_what_the_registration_says() -> None:
    given().when(ANN).then_applied().summary(rep_id="ann", name="Ann", level="entry", team="east", mentor_id="bob")


def test_a_rep_that_nobody_registered_cannot_be_seen() -> None:
    given(quota_set(8)).nothing_to_see()


def test_a_change_waits_for_the_registration() -> None:
    change = rep_changed(7, level="senior")
    heard(change).then(change).then_held("rep ann is not known yet")
    heard(change, ANN).then(change).then_applied(at=8).summary(level="senior", team="east")


def test_a_change_leaves_what_it_does_not_mention() -> None:
    given(ANN).when(rep_changed(9, level="senior")).then_applied().summary(
        name="Ann", level="senior", team="east", mentor_id="bob"
    )


def test_a_change_can_name_every_field() -> None:
    given(ANN).when(rep_changed(9, name="Ann B.", level="senior", team="west", mentor="cleo")).then_applied().summary(
        name="Ann B.", level="senior", team="west", mentor_id="cleo"
    )


def test_null_clears_team_and_mentor() -> None:
    given(ANN).when(rep_changed(9, team=None)).then_applied().summary(team=None, mentor_id="bob")
    given(ANN).when(rep_changed(9, mentor=None)).then_applied().summary(team="east", mentor_id=None)


def test_registering_again_sets_all_fields_anew() -> None:
    given(ANN, rep_changed(9, level="senior")).when(rep_registered(10, "Ann B.", "entry")).then_applied().summary(
        name="Ann B.", level="entry", team=None, mentor_id=None
    )


def test_registering_again_in_the_same_words_applies_too() -> None:
    given(ANN, rep_changed(9, team="west")).when(again(ANN, at=10)).then_applied().summary(team="east")


def test_registrations_and_changes_count_in_the_order_of_their_times() -> None:
    heard(rep_changed(11, team="south"), rep_registered(10, "Ann"), rep_changed(9, team="west"), ANN).summary(
        team="south"
    ).at(10.5).summary(team=None)


def test_quotas_and_pay_plans_do_not_wait_for_the_registration() -> None:
    said: list[Fact] = [quota_set(8), pay_plan_set(8)]
    for fact in said:
        given().when(fact).then_applied()


def test_quotas_and_pay_plans_leave_the_rep_as_registered() -> None:
    given(ANN, quota_set(9), pay_plan_set(9), quota_set(10, target=2000)).summary(
        name="Ann", level="entry", team="east"
    )


# -- leaving -------------------------------------------------------------------------------------


def test_a_rep_who_left_is_registered_no_more_and_keeps_the_name() -> None:
    given(ANN).summary(registered=True).when(rep_left(12)).then_applied().summary(registered=False, name="Ann")


def test_leaving_waits_for_the_registration() -> None:
    given().when(rep_left(7)).then_held("rep ann is not known yet").when(ANN).then_applied().summary(registered=False)


def test_leaving_again_is_already_so() -> None:
    given(ANN, rep_left(12)).when(rep_left(13)).then_duplicate("the rep left before")


def test_changes_of_a_rep_who_left_are_taken() -> None:
    given(ANN, rep_left(12)).when(rep_changed(13, name="Ann B.")).then_applied().summary(
        registered=False, name="Ann B."
    )


def test_a_rep_who_left_may_be_registered_again() -> None:
    given(ANN, rep_left(12)).when(rep_registered(13, "Ann")).then_applied().summary(registered=True).when(
        rep_left(14)
    ).then_applied().summary(registered=False)
