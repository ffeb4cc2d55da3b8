"""Amounts as Arrow decimals, and the places that they were written with."""

from decimal import Decimal

import pyarrow
import pytest

from infra.archive.amount_places import amount_arrays


def test_the_places_of_each_amount_are_kept_beside_decimals_of_six() -> None:
    first = [Decimal("1.50"), None, Decimal("-0.000001"), Decimal("0.00")]
    second = [Decimal(2), Decimal("3.1"), None, Decimal(0)]
    arrays = amount_arrays([first, second])
    assert [array.to_pylist() for array in arrays.decimals] == [first, second]
    assert arrays.places.to_pylist() == ["20", "-1", "6-", "20"]


def test_an_amount_that_python_writes_with_an_exponent_is_held_too() -> None:
    arrays = amount_arrays([[Decimal("1.5E+3"), Decimal("0.5")]])
    assert arrays.decimals[0].to_pylist() == [1500, Decimal("0.5")]
    assert arrays.places.to_pylist() == ["0", "1"]


@pytest.mark.parametrize("amount", ["1.0000001", "1" * 33, "NaN"])
def test_an_amount_that_no_decimal_of_a_file_holds_is_refused(amount: str) -> None:
    with pytest.raises(pyarrow.ArrowInvalid):
        amount_arrays([[Decimal(1), Decimal(amount)]])


def test_no_rows_are_no_amounts() -> None:
    arrays = amount_arrays([[]])
    assert len(arrays.decimals[0]) == len(arrays.places) == 0
