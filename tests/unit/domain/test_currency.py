"""Amounts of money: exact until they are rounded, once, half-even."""

from decimal import Decimal, localcontext

import pytest

from domain.currency import MINOR_UNITS, order_value


def value(currency: str, *lines: tuple[str, str]) -> str:
    return str(order_value(((Decimal(quantity), Decimal(price)) for quantity, price in lines), currency))


def test_minor_units_are_those_of_the_standard() -> None:
    assert {code: MINOR_UNITS[code] for code in ("USD", "EUR", "GBP", "JPY", "KRW", "KWD", "BHD", "CLF")} == {
        "USD": 2,
        "EUR": 2,
        "GBP": 2,
        "JPY": 0,
        "KRW": 0,
        "KWD": 3,
        "BHD": 3,
        "CLF": 4,
    }


def test_codes_are_three_capital_letters() -> None:
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in MINOR_UNITS)


@pytest.mark.parametrize(
    ("currency", "down", "up"), [("USD", "0.125", "0.135"), ("JPY", "0.5", "1.5"), ("KWD", "0.0005", "0.0015")]
)
def test_a_half_goes_to_the_even_neighbour(currency: str, down: str, up: str) -> None:
    unit = Decimal(1).scaleb(-MINOR_UNITS[currency])
    assert Decimal(value(currency, ("1", down))) == Decimal(down) - unit / 2
    assert Decimal(value(currency, ("1", up))) == Decimal(up) + unit / 2


def test_the_sum_is_rounded_and_not_its_parts() -> None:
    assert value("USD", ("1", "0.005"), ("1", "0.005")) == "0.01"
    assert value("JPY", ("1", "0.4"), ("1", "0.4"), ("1", "0.4")) == "1"


def test_nothing_at_all_is_worth_nothing() -> None:
    assert value("USD") == "0.00"
    assert value("USD", ("5", "0")) == "0.00"


def test_the_largest_amounts_of_the_contract_stay_exact() -> None:
    largest = "999999999999999.999999"
    assert value("KWD", (largest, largest), (largest, "0.000001")) == "999999999999999999999000000000.000"


def test_the_callers_decimal_context_makes_no_difference() -> None:
    with localcontext(prec=5):
        assert value("USD", ("123456789", "1.01")) == "124691356.89"
