"""Lines: at least one of goods, each known by a number from 0 or an id, rows of 0 left out."""

from decimal import Decimal
from typing import Any

import pytest

from domain.order.events import LineQuantity, OrderLine
from tests.contract.scenario import LIVE, given, number, when_read

ORDERED = ["order.placed.v1", "order.amended.v1"]
TAKEN = ["shipment.booked.v1", "delivery.confirmed.v1"]


def ordered(line: Any, quantity: Any = "1") -> dict[str, Any]:
    return {"line": line, "sku": "GEAR", "quantity": quantity, "unit_price": "2.50"}


def taken(line: Any, quantity: Any = "1") -> dict[str, Any]:
    return {"line": line, "quantity": quantity}


BOTH = [*((message_type, ordered) for message_type in ORDERED), *((message_type, taken) for message_type in TAKEN)]


@pytest.mark.parametrize("message_type", ORDERED)
def test_the_lines_of_an_order_keep_their_order(message_type: str) -> None:
    fact = given(message_type).with_("data.lines", [ordered(2, 3), ordered(1, "0.5")]).when_read().fact()

    assert fact.lines == (
        OrderLine("2", "GEAR", Decimal(3), Decimal("2.50")),
        OrderLine("1", "GEAR", Decimal("0.5"), Decimal("2.50")),
    )


@pytest.mark.parametrize("message_type", TAKEN)
def test_a_booking_or_delivery_takes_so_many_of_a_line(message_type: str) -> None:
    fact = given(message_type).with_("data.lines", [taken(7, "1.5")]).when_read().fact()

    assert fact.lines == (LineQuantity("7", Decimal("1.5")),)


@pytest.mark.parametrize("message_type", TAKEN)
def test_without_lines_it_is_all_that_is_left(message_type: str) -> None:
    assert given(message_type).without("data.lines").when_read().fact().lines is None
    assert given(message_type).with_("data.lines", None).when_read().fact().lines is None


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_there_is_at_least_one_line(message_type: str, line: Any) -> None:
    given(message_type).with_("data.lines", []).when_read().malformed(
        "data.lines: must have at least one line, but is empty"
    )


@pytest.mark.parametrize("message_type", ORDERED)
def test_an_order_has_lines(message_type: str) -> None:
    given(message_type).without("data.lines").when_read().malformed("data.lines: must be given")
    given(message_type).with_("data.lines", None).when_read().malformed("data.lines: must be a list, but is null")


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_line_numbers_are_unique(message_type: str, line: Any) -> None:
    given(message_type).with_("data.lines", [line(1), line(2), line(1)]).when_read().malformed(
        "data.lines: must have unique line numbers, but 1 appears twice"
    )


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_a_line_is_known_by_an_integer_from_0_or_an_id(message_type: str, line: Any) -> None:
    for good, read in (
        (0, "0"),
        (1, "1"),
        (10**18, str(10**18)),
        (number("1.0"), "1"),
        (number("1e0"), "1"),
        (number("7340018811027.000"), "7340018811027"),
        (number("12e2"), "1200"),
        ("1", "1"),
        ("01", "01"),
        ("1.0", "1.0"),
        ("a1b2c3", "a1b2c3"),
    ):
        assert given(message_type).with_("data.lines", [line(good)]).when_read().fact().lines[0].line == read
    for bad in (-1, 10**18 + 1, 10**30, True, number("1.5"), number("-1.0"), number("1e99"), None, [1]):
        given(message_type).with_("data.lines", [line(bad)]).when_read().malformed(
            "data.lines[0].line: must be an integer from 0 to 1000000000000000000, or an id as text, but is "
        )
    given(message_type).with_("data.lines", [line("")]).when_read().malformed(
        "data.lines[0].line: must have 1 to 200 characters"
    )


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_a_number_and_its_digits_are_one_line(message_type: str, line: Any) -> None:
    given(message_type).with_("data.lines", [line(1), line("1")]).when_read().malformed(
        "data.lines: must have unique line numbers, but 1 appears twice"
    )
    assert given(message_type).with_("data.lines", [line(1), line("01")]).when_read().well_formed()


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_rows_of_0_say_nothing_and_are_left_out(message_type: str, line: Any) -> None:
    rows = [line(1, 0), line(2, 3), line(2, "0.0000001"), line(3, "0")]

    assert [row.line for row in given(message_type).with_("data.lines", rows).when_read().fact().lines] == ["2"]
    given(message_type).with_("data.lines", [line(1, 0), line(2, "0")]).when_read().malformed(
        "data.lines: must have at least one line with a quantity of more than 0"
    )


@pytest.mark.parametrize("message_type", ORDERED)
def test_an_order_has_a_line_of_goods(message_type: str) -> None:
    freight = ordered(1) | {"kind": "charge"}

    given(message_type).with_("data.lines", [freight]).when_read().malformed(
        "data.lines: must have at least one line of goods, but has only charges"
    )
    given(message_type).with_("data.lines", [freight, ordered(2, 0)]).when_read().malformed(
        "at least one line of goods"
    )
    assert given(message_type).with_("data.lines", [freight, ordered(2)]).when_read().well_formed()


@pytest.mark.parametrize("message_type", ORDERED)
def test_a_line_may_do_without_sku_kind_and_a_promise_of_its_own(message_type: str) -> None:
    for said in ({}, {"sku": None, "kind": None, "promised_by": None}):
        line = {"line": 1, "quantity": 1, "unit_price": 2, **said}
        fact = given(message_type).with_("data.lines", [line]).when_read().fact()
        assert fact.lines == (OrderLine("1", None, Decimal(1), Decimal(2), "goods", None),)


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_lines_are_a_list_of_objects(message_type: str, line: Any) -> None:
    no_list: list[Any] = ["1", 1, {"1": line(1)}, True]
    for bad in no_list:
        given(message_type).with_("data.lines", bad).when_read().malformed("data.lines: must be a list, but is ")
    no_object: list[Any] = ["1", 1, [line(1)], None, True]
    for bad in no_object:
        given(message_type).with_("data.lines", [line(1), bad]).when_read().malformed(
            "data.lines[1]: must be an object, but is "
        )


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_every_part_of_a_line_is_required(message_type: str, line: Any) -> None:
    for part in line(1).keys() - {"sku"}:
        given(message_type).with_("data.lines", [line(1)]).without(f"data.lines[0].{part}").when_read().malformed(
            f"data.lines[0].{part}: must be given, but is missing"
        )


def test_all_wrong_lines_are_counted() -> None:
    lines = [ordered(1, -2), ordered(2), ordered(3, -1), {"line": 4}]

    reason = given("order.placed.v1").with_("data.lines", lines).when_read().malformed()

    assert reason == (
        "data.lines[0].quantity: must be 0 or more, but is -2; "
        "data.lines[2].quantity: must be 0 or more, but is -1; "
        "data.lines[3].quantity: must be given, but is missing; and 1 more"
    )


def test_a_megabyte_of_wrong_lines_has_one_short_reason() -> None:
    raw = (
        given("order.placed.v1").with_("data.lines", "HERE").raw().replace(b'"HERE"', b"[{}" + b",{}" * 340_000 + b"]")
    )
    assert len(raw) <= LIVE.max_bytes

    when_read(raw).malformed(
        "data.lines[0].line: must be given, but is missing; ", "data.lines[0].quantity: ", "data.lines[0].unit_price: "
    )


def test_an_order_may_have_thousands_of_lines() -> None:
    lines = [ordered(line) for line in range(1, 10_001)]

    assert len(given("order.placed.v1").with_("data.lines", lines).when_read().fact().lines) == 10_000
    lines[9_000]["quantity"] = "-1"
    given("order.placed.v1").with_("data.lines", lines).when_read().malformed(
        "data.lines[9000].quantity: must be 0 or more"
    )


def test_unknown_parts_of_a_line_are_ignored() -> None:
    message = given("order.placed.v1").with_("data.lines[0].colour", "red")

    assert message.when_read().fact() == given("order.placed.v1").when_read().fact()
