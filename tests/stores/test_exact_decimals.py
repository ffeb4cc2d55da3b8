"""Decimals in SQL are exact, and rounded once, half-even, on each database: as Python's fractions say."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, case, create_engine, func, insert, make_url, select

from domain.currency import MINOR_UNITS
from infra.store.engine import sqlite_engine
from projections.views.catalogue import ANY_INSTANT, VIEWS
from projections.views.columns import Amount, Instant, Name
from projections.views.decimals import (
    decimal,
    decimal_compare,
    decimal_minus,
    decimal_plus,
    decimal_sum,
    decimal_times,
    microseconds_between,
    minor_units,
    percent_of,
    rounded_quotient,
    rounded_to,
    uses_exact_decimals,
)
from tests.unit.domain.facts import oclock

pairs = Table(
    "pairs",
    MetaData(),
    Column("n", Integer, primary_key=True),
    Column("a", Amount),
    Column("b", Amount),
    Column("currency", Name),
    Column("at", Instant),
    prefixes=["TEMPORARY"],
)
HUGE = "999999999999999.999999"
VALUES = [
    *("0", "1", "2", "3", "7", "8", "-3", "-7", "40", "200", "400", "800", "0.5", "0.005", "0.015", "0.025", "-0.005"),
    *("-0.015", "0.000001", "1.0000005", "12.3455", "12.3465", "99.995", "333.333333", HUGE, f"-{HUGE}"),
    *("123456789012345678901234567890.125", "123456789012345678901234567890.135", "0.00005", "0.00015", "0.0005"),
]
WIDE = Context(prec=400, rounding=ROUND_HALF_EVEN)
CODES = sorted(MINOR_UNITS)
PAIRS = [(Decimal(a), Decimal(b)) for a in VALUES for b in VALUES]


def rounded(exact: Fraction, places: int) -> Decimal:
    """Half-even, from the exact fraction: `round` of a Fraction is half-even."""
    return WIDE.scaleb(Decimal(round(exact * 10**places)), -places)


def as_text(values: Sequence[Any]) -> list[str | None]:
    """With all places, as the command shows them."""
    return [None if value is None else format(value, "f") for value in values]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    if request.param == "sqlite":
        engine = sqlite_engine(str(tmp_path / "pairs.db"), 5)
    else:
        url = make_url(request.getfixturevalue("postgres_server"))
        engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        pairs.create(connection)
        connection.execute(
            insert(pairs),
            [
                {"n": n, "a": a, "b": b, "currency": CODES[n % len(CODES)], "at": oclock(n % 24)}
                for n, (a, b) in enumerate(PAIRS)
            ],
        )
        yield connection
    engine.dispose()


def each(connection: Connection, value: Any) -> list[Any]:
    return list(connection.execute(select(value).order_by(pairs.c.n)).scalars())


def test_sums_and_products_lose_nothing(connection: Connection) -> None:
    a, b = pairs.c.a, pairs.c.b
    assert each(connection, decimal_plus(a, b)) == [WIDE.add(x, y) for x, y in PAIRS]
    assert each(connection, decimal_minus(a, b)) == [WIDE.subtract(x, y) for x, y in PAIRS]
    assert each(connection, decimal_times(a, b)) == [WIDE.multiply(x, y) for x, y in PAIRS]
    assert each(connection, decimal_compare(a, b)) == [(x > y) - (x < y) for x, y in PAIRS]
    total = connection.execute(select(decimal_sum(decimal_times(a, b)))).scalar_one()
    assert Fraction(total) == sum(Fraction(x) * Fraction(y) for x, y in PAIRS)


def test_a_sum_skips_nulls_and_is_null_of_nothing(connection: Connection) -> None:
    some = case((pairs.c.n < 3, pairs.c.b))
    assert connection.execute(select(decimal_sum(some))).scalar_one() == sum(y for _, y in PAIRS[:3])
    assert connection.execute(select(decimal_sum(pairs.c.b)).where(pairs.c.n < 0)).scalar_one() is None
    assert connection.execute(select(decimal_plus(pairs.c.a, case((pairs.c.n < 0, pairs.c.b))))).first() == (None,)


def test_quotients_and_percents_are_rounded_once_half_even(connection: Connection) -> None:
    a, b = pairs.c.a, pairs.c.b
    exact = [Fraction(x) / Fraction(y) if y else None for x, y in PAIRS]
    assert as_text(each(connection, rounded_quotient(a, b))) == as_text(
        [None if q is None else rounded(q, 2) for q in exact]
    )
    assert as_text(each(connection, percent_of(a, b))) == as_text(
        [None if q is None else rounded(q * 100, 2) for q in exact]
    )


def test_amounts_are_rounded_half_even_to_the_minor_unit_of_their_currency(connection: Connection) -> None:
    places = [MINOR_UNITS[CODES[n % len(CODES)]] for n in range(len(PAIRS))]
    assert set(places) == {0, 2, 3, 4}
    assert each(connection, minor_units(pairs.c.currency)) == places
    found = each(connection, rounded_to(pairs.c.a, minor_units(pairs.c.currency)))
    assert as_text(found) == as_text(
        [rounded(Fraction(x), digits) for (x, _), digits in zip(PAIRS, places, strict=True)]
    )


def test_whole_numbers_and_constants_are_operands_too(connection: Connection) -> None:
    asked = select(
        percent_of(func.count().filter(pairs.c.n < 2), func.count().filter(pairs.c.n < 3)),
        decimal_times(func.min(pairs.c.n), decimal("0.01")),
        rounded_quotient(decimal(1), decimal(8)),
        rounded_quotient(decimal(3), decimal(8)),
    )
    assert as_text(connection.execute(asked).one()) == ["66.67", "0.00", "0.12", "0.38"]


def test_spans_between_instants_are_summed_to_the_microsecond(connection: Connection) -> None:
    asked = select(decimal_sum(microseconds_between(pairs.c.at, pairs.c.at)), func.max(pairs.c.at)).where(
        pairs.c.n < 24
    )
    assert connection.execute(asked).one() == (0, oclock(23))
    spans = select(microseconds_between(func.min(pairs.c.at), func.max(pairs.c.at)))
    assert connection.execute(spans).scalar_one() == 23 * 3_600_000_000


@pytest.mark.parametrize("view", VIEWS, ids=[view.relation for view in VIEWS])
def test_a_view_declares_whether_it_needs_exact_decimals(view: Any) -> None:
    assert view.exact_decimals == uses_exact_decimals(view.question(ANY_INSTANT))
