"""given numbers of any size, then they are shown in digits, and absurd ones with an exponent."""

from decimal import Decimal

import pytest

from infra.serialization import json_text


@pytest.mark.parametrize(
    ("number", "shown"),
    [("17.50", "17.50"), ("1e3", "1000"), ("1e-6", "0.000001"), ("123456789012345.123456", "123456789012345.123456")],
)
def test_an_amount_is_shown_in_digits(number: str, shown: str) -> None:
    assert json_text(Decimal(number)) == f'"{shown}"'


@pytest.mark.parametrize("number", ["1e999999999", "-1e99999999", "1e-99999999", "0e999999999"])
def test_a_number_of_a_poison_message_takes_no_more_room_than_it_took(number: str) -> None:
    assert len(json_text({"a": [Decimal(number)]})) < 30
