"""The articles and their prices. Quantities and amounts are whole hundredths, so nothing is rounded twice."""

from dataclasses import dataclass

from infra.simulation.clock import Draw

CURRENCIES = ("USD", "EUR", "GBP", "JPY")

_RATE_IN_HUNDREDTHS = {"USD": 100, "EUR": 92, "GBP": 79, "JPY": 15_000}
_FAMILIES = ("BX", "CH", "DK", "FL", "HN", "LM", "PN", "RK", "TB", "VL")
_BY_THE_METRE = "CB"

Number = str | int | float


def currency(share: float) -> str:
    """Mostly dollars."""
    return "USD" if share < 0.72 else "EUR" if share < 0.86 else "GBP" if share < 0.94 else "JPY"


def number(hundredths: int) -> int | float:
    """As a JSON number."""
    return hundredths / 100 if hundredths % 100 else hundredths // 100


def money(hundredths: int, unit: str, as_text: bool) -> Number:
    """An amount as one kind of upstream or the other writes it."""
    if not as_text:
        return number(hundredths)
    whole, cents = divmod(hundredths, 100)
    return str(whole) if unit == "JPY" else f"{whole}.{cents:02d}"


def quantity(hundredths: int, as_text: bool) -> Number:
    """Usually whole pieces; cable is sold by the half metre."""
    plain = number(hundredths)
    return str(plain) if as_text else plain


def converted(dollar_hundredths: int, unit: str) -> int:
    """The price list's amount in another currency; there are no fractions of a yen."""
    amount = dollar_hundredths * _RATE_IN_HUNDREDTHS[unit] // 100
    return amount - amount % 100 if unit == "JPY" else amount


@dataclass(frozen=True, slots=True)
class Article:
    """One article of the price list, with formatted prices."""

    sku: str
    by_the_metre: bool
    prices: dict[str, tuple[Number, Number]]


def price_list(draw: Draw) -> list[Article]:
    """A hundred and twenty articles, the cheap ones more frequent."""
    articles = []
    for position in range(120):
        by_the_metre = position % 12 == 0
        family = _BY_THE_METRE if by_the_metre else _FAMILIES[int(draw() * len(_FAMILIES))]
        share = draw()
        dollars = 150 + int(share * share * share * (3_000 if by_the_metre else 45_000))
        prices = {
            unit: (money(converted(dollars, unit), unit, False), money(converted(dollars, unit), unit, True))
            for unit in CURRENCIES
        }
        articles.append(Article(f"{family}-{100 + position}", by_the_metre, prices))
    return articles
