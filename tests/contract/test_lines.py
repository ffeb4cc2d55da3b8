"""Lines: at least one, line numbers unique, from 1 to a thousand million."""

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
        "data.lines: must have unique line numbers, but 1 stands twice"
    )


@pytest.mark.parametrize(("message_type", "line"), BOTH)
def test_a_line_number_is_an_integer_from_1(message_type: str, line: Any) -> None:
    for good in (1, 2, 1_000_000_000):
        assert given(message_type).with_("data.lines", [line(good)]).when_read().fact().lines[0].line == str(good)
    for bad in (0, -1, 1_000_000_001, 10**30, True, "1", number("1.0"), number("1e0"), number("1.5"), None, [1]):
        given(message_type).with_("data.lines", [line(bad)]).when_read().malformed(
            "data.lines[0].line: must be an integer from 1 to 1000000000, but is "
        )


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
    for part in line(1):
        given(message_type).with_("data.lines", [line(1)]).without(f"data.lines[0].{part}").when_read().malformed(
            f"data.lines[0].{part}: must be given, but is missing"
        )


def test_all_wrong_lines_are_counted() -> None:
    lines = [ordered(1, 0), ordered(2), ordered(3, -1), {"line": 4}]

    reason = given("order.placed.v1").with_("data.lines", lines).when_read().malformed()

    assert reason == (
        "data.lines[0].quantity: must be greater than 0, but is 0; "
        "data.lines[2].quantity: must be greater than 0, but is -1; "
        "data.lines[3].sku: must be given, but is missing; and 2 more"
    )


def test_a_megabyte_of_wrong_lines_has_one_short_reason() -> None:
    raw = (
        given("order.placed.v1").with_("data.lines", "HERE").raw().replace(b'"HERE"', b"[{}" + b",{}" * 340_000 + b"]")
    )
    assert len(raw) <= LIVE.max_bytes

    when_read(raw).malformed(
        "data.lines[0].line: must be given, but is missing; ", "data.lines[0].quantity: ", "; and 1 more"
    )


def test_an_order_may_have_thousands_of_lines() -> None:
    lines = [ordered(line) for line in range(1, 10_001)]

    assert len(given("order.placed.v1").with_("data.lines", lines).when_read().fact().lines) == 10_000
    lines[9_000]["quantity"] = "0"
    given("order.placed.v1").with_("data.lines", lines).when_read().malformed(
        "data.lines[9000].quantity: must be greater"
    )


def test_unknown_parts_of_a_line_are_ignored() -> None:
    message = given("order.placed.v1").with_("data.lines[0].colour", "red")

    assert message.when_read().fact() == given("order.placed.v1").when_read().fact()
