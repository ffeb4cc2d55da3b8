"""Lines that are priced and never shipped, lines with a promise of their own, and lines known by text."""

from decimal import Decimal

import pytest

from domain.order.events import as_line, line_number_or_id
from tests.unit.domain.facts import amended, booked, delivered, placed, rescheduled, returned
from tests.unit.domain.specification import given


def test_a_charge_is_priced_and_never_owed() -> None:
    priced = given(placed(8, {1: 10}, charges={2: "25", 3: "-10"}))
    priced.summary(order_value=Decimal("65.00"), open_value=Decimal("50.00"), lines=3)
    priced.when(booked(9)).line(1, booked=10).line(2, kind="charge", booked=0, delivered=0, delivered_at=None)
    given(placed(8, {1: 10}, charges={2: "25"}), booked(9), delivered(10)).summary(
        status="delivered", order_value=Decimal("75.00"), open_value=Decimal("0.00"), short=False
    )


def test_a_booking_of_a_charge_is_refused() -> None:
    given(placed(8, {1: 10}, charges={2: "25"})).when(booked(9, lines={1: 10, 2: 1})).then_refused(
        "line 2 is a charge, which is never shipped"
    )


def test_the_order_is_worth_what_its_lines_are_now() -> None:
    given(placed(8, {1: 10}, charges={2: "25"})).when(amended(9, {1: 8}, charges={2: "20"})).then_applied().summary(
        order_value=Decimal("60.00"), open_value=Decimal("40.00")
    )


# -- sku and kind --------------------------------------------------------------------------------

DELIVERED_IN_PART = (placed(8, {1: 10}, skus={1: "A"}), booked(9), delivered(10, lines={1: 5}))


def test_a_line_of_which_something_was_delivered_keeps_its_sku() -> None:
    given(*DELIVERED_IN_PART).when(amended(11, {1: 5}, skus={1: "OTHER"})).then_refused(
        "line 1 would name sku OTHER, but 5 of A were delivered"
    ).summary(status="open", open_value=Decimal("25.00"))


def test_a_line_of_which_something_was_delivered_stays_goods() -> None:
    given(*DELIVERED_IN_PART).when(amended(11, {2: 1}, charges={1: 50})).then_refused("line 1 would fall to 1")
    given(placed(8, {1: 1, 2: 1}), booked(9), delivered(10, lines={1: 1})).when(
        amended(11, {2: 1}, charges={1: 50})
    ).then_refused("line 1 would become charge")


def test_a_line_of_which_nothing_was_delivered_may_become_another_article_or_a_charge() -> None:
    booked_only = given(placed(8, {1: 10, 2: 4}, skus={1: "A"}), booked(9))
    booked_only.when(amended(10, {1: 10}, skus={1: "OTHER"})).then_applied().line(1, sku="OTHER", booked=10)
    booked_only.when(amended(10, {2: 4}, charges={1: 50})).then_applied().line(1, kind="charge")
    other_delivered = booked_only.when(delivered(10, lines={2: 1})).then_applied()
    other_delivered.when(amended(11, {1: 10, 2: 4}, skus={1: "OTHER"})).then_applied().line(1, sku="OTHER")
    other_delivered.when(amended(11, {2: 4}, charges={1: 50})).then_applied().line(1, kind="charge")


def test_a_line_that_is_gone_comes_back_as_what_was_delivered_of_it() -> None:
    gone = given(placed(8, {1: 10, 2: 4}, skus={2: "A"}), booked(9), amended(10, {1: 10}), delivered(11, lines={2: 4}))
    gone.when(amended(12, {1: 9})).then_applied().line(2, quantity=0, over_delivered=4)
    gone.when(amended(12, {1: 10, 2: 2}, skus={2: "A"})).then_applied().line(2, quantity=2, over_delivered=2)
    gone.when(amended(12, {1: 10, 2: 2}, skus={2: "OTHER"})).then_refused("line 2 would name sku OTHER")


def test_naming_no_sku_leaves_the_one_it_had() -> None:
    given(*DELIVERED_IN_PART).when(amended(11, {1: 8}, skus={1: None})).then_applied().line(1, sku="A", quantity=8)


def test_a_line_without_a_sku_may_learn_it_after_a_delivery() -> None:
    given(placed(8, {1: 10}, skus={1: None}), booked(9), delivered(10, lines={1: 5})).when(
        amended(11, {1: 10}, skus={1: "A"})
    ).then_applied().line(1, sku="A")


def test_a_surplus_binds_an_amendment_no_more_than_the_quantity_so_far() -> None:
    given(placed(8, {1: 10, 2: 1}), booked(9), delivered(10, lines={1: 12})).when(
        amended(11, {1: 10, 2: 2})
    ).then_applied().line(1, quantity=10, over_delivered=2)


def test_a_line_that_is_gone_stays_in_sight_when_something_of_it_is_delivered() -> None:
    gone = given(placed(8, {1: 10, 2: 4}), booked(9)).when(amended(10, {1: 10})).then_applied().no_line(2)
    gone.summary(lines=1)
    gone.when(delivered(11, lines={2: 4})).then_applied().summary(lines=2, stage="partly_delivered").line(
        2, quantity=0, delivered=4, over_delivered=4, sku="LAMP-2"
    )


# -- promises of lines ---------------------------------------------------------------------------


def test_a_line_has_its_own_promise_or_else_the_orders() -> None:
    two = given(placed(8, {1: 10, 2: 4}, promised_by=17, promises={2: 40}))
    two.line(1, promised_by=17).line(2, promised_by=40)
    two.when(rescheduled(9, promised_by=20)).line(1, promised_by=20).line(2, promised_by=40)
    two.when(amended(9, {1: 10, 2: 4})).line(2, promised_by=17)


# -- nobody's orders, and lines by text ----------------------------------------------------------


def test_an_order_may_have_neither_account_nor_rep() -> None:
    given().when(placed(8, rep=None, account=None)).then_applied().summary(
        rep_id=None, placed_rep_id=None, account_id=None
    )


@pytest.mark.parametrize(
    ("sent", "line"), [(1, "1"), ("1", "1"), (10**18, str(10**18)), ("a1b2", "a1b2"), ("01", "01")]
)
def test_a_line_is_known_by_text(sent: int | str, line: str) -> None:
    assert as_line(sent) == line
    given(placed(8, {sent: 3})).when(booked(9, lines={line: 3})).then_applied().line(line, booked=3)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("1", 1),
        ("0", 0),
        (str(10**18), 10**18),
        (str(10**18 + 1), str(10**18 + 1)),
        ("01", "01"),
        ("x", "x"),
        ("१", "१"),
    ],
)
def test_a_line_in_plain_digits_is_written_as_a_number(line: str, written: int | str) -> None:
    assert line_number_or_id(line) == written


def test_a_charge_that_came_to_be_of_goods_on_their_way_is_never_owed() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), amended(10, {1: 10}, charges={2: 5}), delivered(11)).summary(
        status="delivered"
    ).when(returned(12, lines={2: 4}, replace=True)).then_applied().summary(status="delivered")
