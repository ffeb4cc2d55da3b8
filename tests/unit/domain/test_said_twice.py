"""What pollers and retries say twice under new ids is already so: equal source, type, time and data, for every type."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from domain.fact import Fact
from domain.repetition import fingerprint, saying_of
from tests.unit.domain.facts import (
    account_assigned,
    account_registered,
    amended,
    attempted,
    booked,
    cancelled,
    contacted,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    pay_plan_set,
    placed,
    quota_set,
    reassigned,
    rebooked,
    reinstated,
    rep_changed,
    rep_left,
    rep_registered,
    rescheduled,
    returned,
    shipment_cancelled,
    voided,
)
from tests.unit.domain.specification import given

PLACED, BOOKED, ASKED = placed(8), booked(9), expedite_requested(9)
TOLD: list[tuple[tuple[Fact, ...], Callable[[], Fact]]] = [
    ((), lambda: placed(8)),
    ((PLACED,), lambda: amended(10, {1: 8})),
    ((PLACED,), lambda: reassigned(10, "bob")),
    ((PLACED,), lambda: rescheduled(10, 20)),
    ((PLACED,), lambda: cancelled(10)),
    ((PLACED, cancelled(9)), lambda: reinstated(10)),
    ((PLACED,), lambda: expedite_requested(10)),
    ((PLACED, ASKED), lambda: expedite_granted(10)),
    ((PLACED, ASKED), lambda: expedite_declined(10)),
    ((PLACED,), lambda: customer_informed(10, "delay")),
    ((PLACED,), lambda: booked(10)),
    ((PLACED, BOOKED), lambda: rebooked(10, lines={1: 4})),
    ((PLACED, BOOKED), lambda: dispatched(10)),
    ((PLACED, BOOKED), lambda: delayed(10)),
    ((PLACED, BOOKED), lambda: shipment_cancelled(10)),
    ((PLACED, BOOKED), lambda: attempted(10)),
    ((PLACED, BOOKED), lambda: delivered(10, lines={1: 5})),
    ((PLACED, BOOKED, delivered(9.5)), lambda: returned(10, lines={1: 5})),
    ((), lambda: rep_registered(10)),
    ((rep_registered(8),), lambda: rep_changed(10, level="senior")),
    ((rep_registered(8),), lambda: rep_left(10)),
    ((), lambda: quota_set(10)),
    ((), lambda: pay_plan_set(10)),
    ((), lambda: account_registered(10)),
    ((), lambda: account_assigned(10, "bob")),
    ((), lambda: contacted(10)),
]


@pytest.mark.parametrize(("before", "telling"), TOLD, ids=[telling().TYPE for _, telling in TOLD])
def test_the_same_under_another_id_is_already_so(before: tuple[Fact, ...], telling: Callable[[], Fact]) -> None:
    given(*before, telling()).when(telling()).then_duplicate()


def test_one_drop_reported_twice_is_delivered_once() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 5})).when(delivered(10, lines={1: 5})).then_duplicate(
        "another message of the same source, type and time said the same"
    ).summary(open_value=Decimal("25.00"), stage="partly_delivered")


def test_another_time_another_source_or_other_data_is_another_message() -> None:
    once = given(placed(8), booked(9), delivered(10, lines={1: 2}))
    once.when(delivered(10.5, lines={1: 2})).then_applied().line(1, delivered=4)
    once.when(delivered(10, lines={1: 3})).then_applied().line(1, delivered=5)
    elsewhere = msgspec.structs.replace(delivered(10, lines={1: 2}), source="depot")
    once.when(elsewhere).then_applied().line(1, delivered=4)


def test_data_are_equal_by_what_they_mean() -> None:
    """Decimals by value, rows in any order."""
    first = delivered(10, lines={1: "2", 2: "1.5"})
    given(placed(8, {1: 10, 2: 4}), booked(9), first).when(delivered(10, lines={2: "1.50", 1: "2.0"})).then_duplicate()
    same = delivered(10, lines={2: "1.50", 1: "2.0"})
    assert fingerprint(saying_of(first)) == fingerprint(saying_of(same))
    assert fingerprint(saying_of(first)) != fingerprint(saying_of(delivered(10, lines={1: "2", 2: "1.6"})))


def test_a_voided_message_says_nothing() -> None:
    wrong = delivered(10, lines={1: 5}, message_id="a")
    given(placed(8), booked(9)).when(wrong).when(voided(wrong)).when(delivered(10, lines={1: 5})).then_applied().line(
        1, delivered=5
    )


def test_said_again_is_already_so_though_a_rule_would_refuse_it_by_now() -> None:
    """Once is enough to complete the order, or to bring everything back."""
    completing = given(placed(8), booked(9), delivered(10, lines={1: 6})).when(amended(11, {1: 6})).then_applied()
    completing.when(amended(11, {1: 6})).then_duplicate("said the same").summary(delivered_at=11)
    all_back = given(placed(8), booked(9), delivered(10)).when(returned(11)).then_applied()
    all_back.when(returned(11)).then_duplicate("said the same").line(1, returned=10)


def test_only_what_applied_makes_it_already_so() -> None:
    """What was refused or is held says nothing yet, so the same under another id is refused or held, too."""
    given(placed(8), booked(9)).when(booked(10, "S-2")).then_refused("nothing is left to book").when(
        booked(10, "S-2")
    ).then_refused("nothing is left to book")
    given(placed(8)).when(dispatched(10)).then_held().when(dispatched(10)).then_held()


def test_equal_messages_that_wait_wake_together_and_one_applies() -> None:
    history = given(placed(8)).when(delivered(8.5, lines={1: 5})).then_held()
    history.when(delivered(8.5, lines={1: 5})).then_held().when(booked(9)).then_applied().line(1, delivered=5)


def test_many_messages_of_one_instant_are_compared_too() -> None:
    """A date-only feed says all of a day at midnight."""
    parts = [delivered(24, lines={1: f"0.{number:02}"}) for number in range(1, 13)]
    once = given(placed(8, promised_by=48), booked(9), *parts)
    once.when(delivered(24, lines={1: "0.07"})).then_duplicate()
    once.when(delivered(24, lines={1: "0.99"})).then_applied()
