"""SQLite's exact decimals: the functions behind the operations of projections/views/decimals.py, added to a connection.

They take decimal text or whole numbers and give decimal text. They are deterministic: the same operands give the same
text on every machine.
"""

import sqlite3
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from domain.currency import MINOR_UNITS

# The most digits that a value can have: products of sums of products. Nothing is lost before this many.
_WIDE = Context(prec=1_000, rounding=ROUND_HALF_EVEN)
_HUNDRED = Decimal(100)
# The first digit of any decimal that the decimal module allows is less than this many places from the point.
_ZERO_PLACE, _PLACE_DIGITS = 2 * 10**18, 19
_NINES_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_HUNDREDTH = Decimal("0.01")

Stored = str | int | None


def add_decimal_functions(connection: sqlite3.Connection) -> None:
    """Add all of them to a connection."""
    for name, (operands, function) in _FUNCTIONS.items():
        connection.create_function(name, operands, function, deterministic=True)
    connection.create_aggregate("waybill_sum", 1, _Sum)  # type: ignore[arg-type]  # it takes one argument


class _Sum:
    """The sum of the values that are not null."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: Stored) -> None:
        if value is not None:
            self._sum = Decimal(value) if self._sum is None else _WIDE.add(self._sum, Decimal(value))

    def finalize(self) -> str | None:
        return None if self._sum is None else _text(self._sum)


def _plus(a: Decimal, b: Decimal) -> str:
    return _text(_WIDE.add(a, b))


def _minus(a: Decimal, b: Decimal) -> str:
    return _text(_WIDE.subtract(a, b))


def _times(a: Decimal, b: Decimal) -> str:
    return _text(_WIDE.multiply(a, b))


def _compare(a: Decimal, b: Decimal) -> int:
    return (a > b) - (a < b)


def _sort_key(value: Stored) -> str | None:
    """Text that sorts by code point as the numbers do by value; of what is no decimal, text after all of them."""
    if value is None:
        return None
    try:
        sign, digits, exponent = Decimal(value).as_tuple()
    except ArithmeticError:
        return f"3{value}"
    if not any(digits) or not isinstance(exponent, int):
        return "1"
    # The first digit's place, then the digits: 12.5 is 0.125 with the place 2.
    significant = "".join(map(str, digits)).lstrip("0")
    place, significant = _ZERO_PLACE + len(significant) + exponent, significant.rstrip("0")
    key = f"{place:0{_PLACE_DIGITS}}{significant}"
    # Below zero, the greater number is the smaller one. The end sorts after every digit.
    return f"0{key.translate(_NINES_COMPLEMENT)}~" if sign else f"2{key}"


def _rounded_quotient(a: Decimal, b: Decimal) -> str | None:
    """Rounded once: a quotient rounded to many digits and then to two places could miss a tie."""
    if not b:
        return None
    hundredths, rest = _WIDE.divmod(_WIDE.multiply(a, _HUNDRED), b)
    twice = _WIDE.multiply(rest, Decimal(2)).copy_abs()
    if twice > b.copy_abs() or (twice == b.copy_abs() and int(hundredths) % 2):
        hundredths = _WIDE.add(hundredths, Decimal(1 if (a > 0) == (b > 0) else -1))
    return _text(_WIDE.quantize(_WIDE.multiply(hundredths, _HUNDREDTH), _HUNDREDTH))


def _percent_of(a: Decimal, b: Decimal) -> str | None:
    return _rounded_quotient(_WIDE.multiply(a, _HUNDRED), b)


def _rounded_to(amount: Decimal, places: Decimal) -> str:
    return _text(_WIDE.quantize(amount, Decimal(1).scaleb(-int(places))))


def _minor_units(currency: str | None) -> int | None:
    return None if currency is None else MINOR_UNITS[currency]


def _on_decimals(function: Callable[[Decimal, Decimal], Any]) -> Callable[[Stored, Stored], Any]:
    """The function on stored values; null if one of them is."""

    def on_stored(a: Stored, b: Stored) -> Any:
        return None if a is None or b is None else function(Decimal(a), Decimal(b))

    return on_stored


def _text(value: Decimal) -> str:
    # As PostgreSQL, which knows no negative zero.
    return format(value if value else value.copy_abs(), "f")


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "waybill_plus": (2, _on_decimals(_plus)),
    "waybill_minus": (2, _on_decimals(_minus)),
    "waybill_times": (2, _on_decimals(_times)),
    "waybill_compare": (2, _on_decimals(_compare)),
    "waybill_sort_key": (1, _sort_key),
    "waybill_rounded_quotient": (2, _on_decimals(_rounded_quotient)),
    "waybill_percent_of": (2, _on_decimals(_percent_of)),
    "waybill_rounded_to": (2, _on_decimals(_rounded_to)),
    "waybill_minor_units": (1, _minor_units),
}
