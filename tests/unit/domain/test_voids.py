"""Messages that were wrong are passed over as though they had never been."""

from domain.events import MessageVoided
from domain.fact import Fact
from domain.verdict import Verdict
from tests.unit.domain.facts import (
    again,
    attempted,
    booked,
    cancelled,
    contacted,
    dispatched,
    oclock,
    placed,
    reassigned,
    rep_changed,
    rep_registered,
    voided,
    voided_by_id,
)
from tests.unit.domain.specification import given, heard


def test_a_voided_fact_is_passed_over() -> None:
    wrong = cancelled(9)
    history = given(placed(8), wrong).when(voided(wrong, at=10)).then_applied(at=9)
    history.then(wrong).then_voided("keyed in by mistake").summary(status="open")


def test_the_reason_names_the_void() -> None:
    wrong = cancelled(9)
    void = voided(wrong, message_id="V-1")
    heard(placed(8), wrong, void).then(wrong).then_voided("voided by message V-1 of order-entry: keyed in by mistake")


def test_a_void_counts_from_the_beginning_whatever_its_own_time() -> None:
    wrong = cancelled(9)
    for hour in (0, 9, 900):
        history = heard(placed(8), wrong, reassigned(9.5, "bob"), voided(wrong, at=hour))
        history.then(wrong).then_voided()
        history.at(9.25).then(wrong).then_voided().summary(status="open")


def test_a_void_takes_no_moment_of_the_order_with_it() -> None:
    wrong = cancelled(9)
    history = heard(placed(8), wrong, booked(10), voided(wrong))
    assert [moment.fact.TYPE for moment in history.settling.moments] == ["order.placed.v1", "shipment.booked.v1"]


def test_what_a_voided_fact_forbade_becomes_right() -> None:
    wrong = cancelled(9)
    later = booked(10)
    heard(placed(8), wrong, later).then(later).then_refused("the order is cancelled").when(voided(wrong)).then_applied(
        at=9
    ).then(later).then_applied()


def test_what_a_voided_fact_made_possible_is_held_or_refused() -> None:
    wrong = booked(9, "S-1")
    gone = dispatched(10, "S-1")
    heard(placed(8), wrong, gone, voided(wrong)).then(gone).then_held("shipment S-1 is not known yet")


def test_an_order_whose_placing_was_voided_is_not_known() -> None:
    wrong = placed(8)
    later = booked(9)
    heard(wrong, later, voided(wrong)).nothing_to_see().then(later).then_held("order SO-1 is not known yet")


def test_to_correct_a_message_is_to_void_it_and_publish_a_right_one() -> None:
    wrong = placed(8, {1: 100})
    heard(wrong, booked(9), voided(wrong)).when(placed(8, {1: 10})).then_applied().summary(stage="booked")


def test_a_void_may_come_before_its_message() -> None:
    wrong = cancelled(9)
    void = voided(wrong, at=8.5)
    given(placed(8)).when(void).then_held(f"message {wrong.message_id} of order-entry is not known yet").when(
        wrong
    ).then_voided().then(void).then_applied(at=9)


def test_a_void_of_a_message_that_never_comes_is_held_and_does_no_harm() -> None:
    given(placed(8)).when(voided_by_id("order-entry", "no such message")).then_held("no such message").summary(
        status="open"
    )


def test_a_void_names_the_sender_too() -> None:
    ours = cancelled(9, message_id="7")
    given(placed(8), ours).when(voided_by_id("another sender", "7")).then_held("message 7 of another sender").then(
        ours
    ).then_applied()


def test_voiding_the_original_of_a_repeated_message_makes_the_repeat_take_effect() -> None:
    original = booked(9, "S-1")
    repeat = again(original, at=10)
    heard(placed(8), original, repeat).then(repeat).then_duplicate().when(voided(original)).then_applied(at=9).then(
        repeat
    ).then_applied().summary(stage="booked")


def test_voiding_the_repeat_changes_nothing_but_its_verdict() -> None:
    original = booked(9, "S-1")
    repeat = again(original, at=10)
    history = heard(placed(8), original, repeat, voided(repeat))
    history.then(repeat).then_voided()
    history.then(original).then_applied().summary(stage="booked")


def test_a_refused_and_a_held_message_can_be_voided() -> None:
    refused, held = booked(10, "S-2"), dispatched(10, "S-3")
    history = heard(placed(8), booked(9, "S-1"), refused, held, voided(refused), voided(held))
    history.then(refused).then_voided()
    history.then(held).then_voided()
    assert history.settling.nothing_waits


def test_of_two_voids_of_a_message_the_first_in_place_applies_and_the_other_is_a_duplicate_of_it() -> None:
    wrong = cancelled(9)
    first, second = voided(wrong, at=10, message_id="V-2"), voided(wrong, at=11, message_id="V-1")
    for voids in ([first, second], [second, first]):
        history = heard(placed(8), wrong, *voids)
        history.then(first).then_applied(at=9)
        history.then(second).then_duplicate(
            f"message {wrong.message_id} of order-entry is voided already, by message V-2 of order-entry"
        )
        history.then(wrong).then_voided("voided by message V-2")


def test_two_voids_of_an_unknown_message_both_wait_for_it() -> None:
    wrong = cancelled(9)
    first, second = voided(wrong, at=10), voided(wrong, at=11)
    history = heard(placed(8), first, second)
    history.then(first).then_held()
    history.then(second).then_held()
    history.when(wrong).then_voided().then(first).then_applied(at=9).then(second).then_duplicate()


# -- voids of voids ------------------------------------------------------------------------------


def test_what_a_voided_void_named_stands_again() -> None:
    right = cancelled(9)
    void = voided(right, at=10)
    history = heard(placed(8), right, void, voided(void, at=11))
    history.then(void).then_voided()
    history.then(right).then_applied().summary(status="cancelled")


def test_a_void_of_a_void_of_a_void_makes_the_first_void_count_again() -> None:
    wrong = cancelled(9)
    first = voided(wrong, at=10)
    second = voided(first, at=11)
    third = voided(second, at=12)
    history = heard(placed(8), wrong, first, second, third)
    history.then(third).then_applied(at=11)
    history.then(second).then_voided()
    history.then(first).then_applied(at=9)
    history.then(wrong).then_voided().summary(status="open")


def test_while_one_of_two_voids_stands_the_message_stays_voided() -> None:
    wrong = cancelled(9)
    one, other = voided(wrong, at=10), voided(wrong, at=11)
    history = heard(placed(8), wrong, one, other, voided(one, at=12))
    history.then(one).then_voided()
    history.then(other).then_applied(at=9)
    history.then(wrong).then_voided(f"voided by message {other.message_id}")


def test_a_void_of_the_first_void_makes_the_second_one_apply_and_its_own_void_makes_it_a_duplicate_again() -> None:
    wrong = cancelled(9)
    first, second = voided(wrong, at=10), voided(wrong, at=11)
    of_first = voided(first, at=12)
    history = heard(placed(8), wrong, first, second).when(of_first).then_applied(at=10)
    history.then(first).then_voided().then(second).then_applied(at=9)
    history = history.when(voided(of_first, at=13)).then_applied(at=12)
    history.then(first).then_applied(at=9).then(second).then_duplicate().then(wrong).then_voided()


def test_a_void_of_a_duplicate_void_changes_nothing_but_its_verdict() -> None:
    wrong = cancelled(9)
    first, second = voided(wrong, at=10), voided(wrong, at=11)
    history = heard(placed(8), wrong, first, second).when(voided(second, at=12)).then_applied(at=11)
    history.then(second).then_voided().then(first).then_applied(at=9).then(wrong).then_voided()


def test_two_voids_of_one_void_are_as_two_voids_of_any_message() -> None:
    right = cancelled(9)
    void = voided(right, at=10)
    first, second = voided(void, at=11), voided(void, at=12)
    history = heard(placed(8), right, void, second, first)
    history.then(first).then_applied(at=10)
    history.then(second).then_duplicate(f"by message {first.message_id}")
    history.then(void).then_voided()
    history.then(right).then_applied()


def test_a_void_of_a_void_of_an_unknown_message_applies() -> None:
    void = voided_by_id("order-entry", "no such message", at=9)
    given(placed(8)).when(void).then_held().when(voided(void, at=10)).then_applied(at=9).then(void).then_voided()


# -- rings ---------------------------------------------------------------------------------------


def ring(*message_ids: str) -> list[MessageVoided]:
    """Voids of which each names the next, and the last the first."""
    following = [*message_ids[1:], message_ids[0]]
    return [
        voided_by_id("order-entry", named, at=10, message_id=own)
        for own, named in zip(message_ids, following, strict=True)
    ]


def test_voids_that_name_each_other_in_a_ring_are_refused() -> None:
    for voids in (ring("V-1"), ring("V-1", "V-2"), ring("V-1", "V-2", "V-3")):
        history = heard(placed(8), *voids)
        for void in voids:
            history.then(void).then_refused("in a ring")
        history.summary(status="open")


def test_a_message_that_only_ringed_voids_name_stands() -> None:
    """Neither void can be told right, so neither counts against the message."""
    right = cancelled(9, message_id="7")
    one = voided_by_id("order-entry", "V-2", message_id="V-1")
    two = voided_by_id("order-entry", "V-1", message_id="V-2")
    heard(placed(8), right, one, two).then(right).then_applied()


def test_a_void_from_outside_breaks_the_ring() -> None:
    one, two = ring("V-1", "V-2")
    outside = voided(one, at=12)
    history = heard(placed(8), one, two, outside)
    history.then(one).then_voided("voided by message V-2")
    history.then(two).then_applied(at=10)
    # Both it and V-2 name V-1 and count, so it is the second void of V-1.
    history.then(outside).then_duplicate("by message V-2")


# -- other subjects ------------------------------------------------------------------------------


def test_messages_about_reps_and_accounts_can_be_voided_too() -> None:
    wrong = rep_changed(10, level="senior")
    heard(rep_registered(8), wrong, voided(wrong)).then(wrong).then_voided().summary(level="entry")

    promoted = rep_registered(9)
    change = rep_changed(10, team="east")
    heard(promoted, change, voided(promoted)).nothing_to_see().then(change).then_held("rep ann is not known yet")

    call: Fact = contacted(9)
    heard(call, voided(call)).then(call).then_voided()


def test_a_history_of_voids_alone_shows_nothing() -> None:
    one, two = voided_by_id("a", "1"), voided_by_id("a", "2")
    history = heard(one, two).nothing_to_see()
    assert {outcome.verdict for outcome in history.settling.outcomes.values()} == {Verdict.HELD}


def test_an_applied_void_says_from_when_its_message_is_gone() -> None:
    wrong = attempted(10)
    history = heard(placed(8), booked(9), wrong).when(voided(wrong, at=30))
    assert history.outcome.took_effect_at == oclock(10)
