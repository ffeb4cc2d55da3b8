"""Money and quantities: decimal strings or JSON numbers, at most 15 digits before the point, rounded to 6 after it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from consumers.contract import Malformed, read_cloud_event
from tests.contract.scenario import LIVE, RECEIVED_AT, Given, Then, given, number, same_decimal, value_in

QUANTITIES = [
    ("order.placed.v1", "data.lines[0].quantity"),
    ("order.amended.v1", "data.lines[0].quantity"),
    ("shipment.booked.v1", "data.lines[0].quantity"),
    ("delivery.confirmed.v1", "data.lines[0].quantity"),
]
AMOUNTS = [
    ("order.placed.v1", "data.lines[0].unit_price"),
    ("order.amended.v1", "data.lines[0].unit_price"),
    ("expedite.granted.v1", "data.surcharge"),
    ("shipment.booked.v1", "data.cost"),
    ("shipment.rebooked.v1", "data.cost"),
    ("rep.quota_set.v1", "data.target_amount"),
    ("rep.pay_plan_set.v1", "data.base"),
    ("rep.pay_plan_set.v1", "data.quota_bonus"),
    ("rep.pay_plan_set.v1", "data.new_account_bonus"),
]
PERCENTS = [
    ("rep.quota_set.v1", "data.growth_percent"),
    ("rep.pay_plan_set.v1", "data.commission_percent"),
]
ALL = [*QUANTITIES, *AMOUNTS, *PERCENTS]

BOUNDS = "must have at most 15 digits before the point, but is "


def given_decimal(message_type: str, path: str, value: Any) -> Given:
    message = given(message_type)
    if path == "data.growth_percent":
        message = message.without("data.target_amount")
    return message.with_(path, value)


GOOD = [
    # what is sent, what is read
    ("12", "12"),
    ("12.50", "12.50"),
    ("0.000001", "0.000001"),
    ("999999999999999.999999", "999999999999999.999999"),
    ("007.5", "7.5"),
    ("0000000000000000000001.5", "1.5"),
    ("1.0000000", "1"),
    ("2.5000000000", "2.5"),
    ("1e3", "1000"),
    ("1E+3", "1000"),
    ("12.5e-1", "1.25"),
    ("1e14", "100000000000000"),
    ("1e-6", "0.000001"),
    ("0.00001e1", "0.0001"),
    (12, "12"),
    (999_999_999_999_999, "999999999999999"),
    (number("12.50"), "12.50"),
    (number("999999999999999.999999"), "999999999999999.999999"),
    (number("0.1"), "0.1"),
    (number("1e3"), "1000"),
    (number("1E-6"), "0.000001"),
    (number("1.0000000"), "1"),
]


@pytest.mark.parametrize(("sent", "read"), GOOD)
def test_a_decimal_within_the_bounds_is_read_exactly(sent: Any, read: str) -> None:
    for message_type, path in ALL:
        fact = given_decimal(message_type, path, sent).when_read().fact()
        assert same_decimal(value_in(fact, path), Decimal(read))


BEYOND = [
    "1000000000000000",
    "1e15",
    "9" * 1000,
    "999999999999999.9999995",
    "999999999999999.9999999",
    "1e99",
    "1e999999",
    "1e999999999999999999",
]


@pytest.mark.parametrize("sent", [*BEYOND, *map(number, BEYOND), number("9" * 300), number("1" + "0" * 4000)])
def test_a_decimal_beyond_the_bounds_is_malformed(sent: Any) -> None:
    for message_type, path in ALL:
        given_decimal(message_type, path, sent).when_read().malformed(f"{path}: {BOUNDS}")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("17.169999999999998", "17.17"),
        (number("17.169999999999998"), "17.17"),
        ("32.3800011", "32.380001"),
        ("0.0199999996", "0.02"),
        (number("11.6099997"), "11.61"),
        ("1.2345678", "1.234568"),
        ("123456789012345.1234567", "123456789012345.123457"),
        ("1.0000005", "1"),
        ("1.0000015", "1.000002"),
        ("1.0000025", "1.000002"),
        ("12.3456785e-1", "1.234568"),
    ],
)
def test_the_noise_of_floating_point_beyond_the_sixth_place_is_rounded_half_even(sent: Any, read: str) -> None:
    for message_type, path in ALL:
        fact = given_decimal(message_type, path, sent).when_read().fact()
        assert same_decimal(value_in(fact, path), Decimal(read))


@pytest.mark.parametrize("sent", ["0.0000001", "1e-7", "0.0000005", "1e-99", "1e-999999", number("1e-99")])
def test_what_is_nothing_but_noise_is_0(sent: Any) -> None:
    for message_type, path in [*AMOUNTS, *PERCENTS]:
        fact = given_decimal(message_type, path, sent).when_read().fact()
        assert same_decimal(value_in(fact, path), Decimal(0))


NO_DECIMALS = [
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "1_000",
    "1,000",
    "1.",
    ".5",
    "+1",
    "--1",
    "1e",
    "e3",
    "1e1.5",
    "1.5.5",
    "0x10",
    "١٢",
    "１２",
    "²",
    "Infinity",
    "-Infinity",
    "inf",
    "NaN",
    "sNaN",
    "12 EUR",
    "twelve",
    "1\x00",
]


@pytest.mark.parametrize("sent", NO_DECIMALS)
def test_text_that_is_no_decimal_is_malformed(sent: str) -> None:
    for message_type, path in ALL:
        given_decimal(message_type, path, sent).when_read().malformed(f'{path}: must be a decimal number like "12.50"')


@pytest.mark.parametrize("sent", [True, False, [1], {"amount": 1}, []])
def test_other_json_is_no_decimal(sent: Any) -> None:
    for message_type, path in ALL:
        given_decimal(message_type, path, sent).when_read().malformed(f"{path}: must be a decimal number or ")


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "1e", "0x10", "1_000"])
def test_a_token_that_json_does_not_know_is_malformed(token: str) -> None:
    given("order.placed.v1").with_("data.lines[0].quantity", number(token)).when_read().malformed(
        "message: must be JSON"
    )


@pytest.mark.parametrize("token", ["1e99999999999999999999", "0e-99999999999999999999"])
def test_a_number_with_a_huge_exponent_is_malformed_in_any_field(token: str) -> None:
    for path in ("data.lines[0].quantity", "data.unheard_of", "unheard_of"):
        given("order.placed.v1").with_(path, number(token)).when_read().malformed("message: must be JSON")


def test_an_integer_of_thousands_of_digits_is_named_and_ignored_in_an_unknown_field() -> None:
    endless = number("9" * 5000)
    given("order.placed.v1").with_("data.lines[0].quantity", endless).when_read().malformed(
        "data.lines[0].quantity: must have at most 15 digits before the point"
    )
    given("order.placed.v1").with_("data.unheard_of", endless).when_read().well_formed()


@pytest.mark.parametrize(("message_type", "path"), QUANTITIES)
def test_a_quantity_is_0_or_more(message_type: str, path: str) -> None:
    for sent in ("-3", -3, "-0.000001", number("-0.5"), number("-1e3")):
        given(message_type).with_(path, sent).when_read().malformed(f"{path}: must be 0 or more, but is ")


@pytest.mark.parametrize(("message_type", "path"), [QUANTITIES[0], QUANTITIES[2]])
def test_a_quantity_of_0_says_nothing(message_type: str, path: str) -> None:
    for sent in ("0", "0.000000", "-0", "0e9", 0, number("-0"), number("0e-3000"), "0.0000004", "-0.0000001"):
        one = given(message_type).message["data"]["lines"][0]
        lines = [{**one, "line": 7}, {**one, "line": 8, "quantity": sent}]
        fact = given(message_type).with_("data.lines", lines).when_read().fact()
        assert [line.line for line in fact.lines] == ["7"]


@pytest.mark.parametrize("message_type", ["order.placed.v1", "order.amended.v1"])
def test_a_charge_may_be_negative(message_type: str) -> None:
    for sent in ("-10.00", -10, number("-10.0"), "10.00", 0):
        goods = {"line": 1, "quantity": 1, "unit_price": 5}
        charge = {"line": 2, "quantity": 1, "unit_price": sent, "kind": "charge"}
        fact = given(message_type).with_("data.lines", [goods, charge]).when_read().fact()
        assert fact.lines[1].unit_price == Decimal(str(sent if not isinstance(sent, msgspec.Raw) else "-10"))
        assert fact.lines[1].kind == "charge"


@pytest.mark.parametrize(("message_type", "path"), AMOUNTS)
def test_an_amount_is_0_or_more(message_type: str, path: str) -> None:
    for sent in ("-0.000001", "-1", -1, number("-0.01"), number("-1e3")):
        given(message_type).with_(path, sent).when_read().malformed(f"{path}: must be 0 or more, but is ")
    for sent, read in (
        ("0", "0"),
        ("0.00", "0.00"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("0e999999", "0"),
        ("0e-9", "0"),
        ("0.0000000", "0"),
        (0, "0"),
        (number("-0"), "0"),
        (number("-0.0"), "0.0"),
    ):
        assert same_decimal(value_in(given(message_type).with_(path, sent).when_read().fact(), path), Decimal(read))


@pytest.mark.parametrize(("message_type", "path"), PERCENTS)
def test_a_percentage_may_be_negative(message_type: str, path: str) -> None:
    for sent, read in (("-5.50", "-5.50"), (-5, "-5"), (number("-5e-1"), "-0.5"), ("0", "0"), ("250", "250")):
        fact = given_decimal(message_type, path, sent).when_read().fact()
        assert same_decimal(value_in(fact, path), Decimal(read))
    for sent in ("-1000000000000000", -(10**15)):
        given_decimal(message_type, path, sent).when_read().malformed(f"{path}: {BOUNDS}")


@pytest.mark.parametrize("value", [12.5, float("nan"), float("inf")])
def test_a_binary_float_is_refused_even_when_someone_else_decoded_the_json(value: float) -> None:
    message = given("shipment.booked.v1").with_("data.cost", value).message

    found = read_cloud_event(message, 300, RECEIVED_AT, LIVE)

    assert isinstance(found, Malformed)
    assert found.reason.startswith("data.cost: must be a decimal number")
    assert "binary float" in found.reason


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_decimal_that_is_not_finite_is_refused(value: Decimal) -> None:
    message = given("shipment.booked.v1").with_("data.cost", value).message

    assert isinstance(read_cloud_event(message, 300, RECEIVED_AT, LIVE), Malformed)


def test_an_integer_of_thousands_of_digits_is_refused_even_when_someone_else_decoded_the_json() -> None:
    message = given("shipment.booked.v1").with_("data.cost", 10**5000).with_("id", 10**5000).message

    reason = Then(read_cloud_event(message, 300, RECEIVED_AT, LIVE)).malformed(f"data.cost: {BOUNDS}")

    assert "an integer of hundreds of digits" in reason
