"""given values of views, then pages write them as people say them."""

from decimal import Decimal

import pytest

from infra.web.pages.words import growth_text, late_step, money_text, percent_text, span_text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        ("0.00", "less than a minute"),
        ("0.02", "1 min"),
        ("0.75", "45 min"),
        ("3.33", "3 h 20 min"),
        ("24.00", "1 d"),
        ("24.50", "1 d"),
        ("319.99", "13 d 7 h"),
        ("320.00", "13 d 8 h"),
        ("-3.00", "3 h"),
    ],
)
def test_hours_are_told_in_their_two_largest_units(hours: str, text: str) -> None:
    assert span_text(Decimal(hours)) == text


def test_the_gauge_of_lateness_has_one_to_five_steps() -> None:
    assert [late_step(Decimal(hours)) for hours in ("0.01", "4", "24", "72", "168", "9000")] == [1, 2, 3, 4, 5, 5]


def test_amounts_keep_their_digits_with_thousands_apart() -> None:
    assert [money_text(Decimal(one)) for one in ("1234567.50", "-3", "0.125")] == ["1,234,567.50", "-3", "0.125"]


def test_a_growth_of_ten_times_is_told_in_times() -> None:
    assert [growth_text(Decimal(one)) for one in ("-5.23", "0.00", "899.99", "900", "14247.46")] == [
        "-5.23 %",
        "+0.00 %",
        "+899.99 %",
        "×10",
        "×143",
    ]


def test_a_share_keeps_its_percents() -> None:
    assert [percent_text(Decimal(one)) for one in ("56.25", "1250.00")] == ["56.25 %", "1,250.00 %"]
