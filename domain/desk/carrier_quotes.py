"""Quotes: what to expect of each carrier, by what it delivered before. Pure: the shipments come from outside."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from domain.currency import MINOR_UNITS

MINIMUM = 5
"""The fewest shipments from which a figure is given, unless the caller says otherwise."""

Basis = Literal["account", "all"]


class PastShipment(NamedTuple):
    """A shipment that was booked and not cancelled.

    `promised_by` is the order's promise when it was last confirmed, `original_estimate` that of the booking, and
    `delivered_at` when it was delivered wholly, all UTC. `cost` is in `currency`.
    """

    carrier: str
    mode: str
    service_level: str | None
    account_id: str | None
    promised_by: datetime | None
    original_estimate: datetime | None
    delivered_at: datetime | None
    cost: Decimal | None
    currency: str


class Quote(NamedTuple):
    """What to expect of a carrier, with its cost in one currency (None: no cost is known in any).

    `basis` says whose past the lateness is from: the `account`'s alone, or `all`. Hours are from the promise, or from
    the carrier's own first estimate, to the delivery: below 0 is early. A figure is None where fewer shipments than the
    minimum are behind it; `shipments`, `estimates` and `costs` say how many are.
    """

    carrier: str
    mode: str
    basis: Basis
    shipments: int
    on_time_percent: Decimal | None
    mean_hours_late: Decimal | None
    median_hours_late: Decimal | None
    p90_hours_late: Decimal | None
    estimates: int
    median_hours_after_estimate: Decimal | None
    p90_hours_after_estimate: Decimal | None
    currency: str | None
    cost_basis: Basis
    costs: int
    mean_cost: Decimal | None
    median_cost: Decimal | None


@dataclass
class _Past:
    """A carrier's deliveries: how late by the promise and by the estimate, in microseconds, and the costs."""

    lateness: list[int] = field(default_factory=list)
    after_estimate: list[int] = field(default_factory=list)
    costs: dict[str, list[Decimal]] = field(default_factory=lambda: defaultdict(list))

    def take(self, shipment: PastShipment) -> None:
        if shipment.delivered_at is not None and shipment.promised_by is not None:
            self.lateness.append(_microseconds(shipment.delivered_at - shipment.promised_by))
            if shipment.original_estimate is not None:
                self.after_estimate.append(_microseconds(shipment.delivered_at - shipment.original_estimate))
        if shipment.cost is not None:
            self.costs[shipment.currency].append(shipment.cost)


def quotes(shipments: Iterable[PastShipment], account: str | None = None, minimum: int = MINIMUM) -> list[Quote]:
    """A quote of each carrier, mode and currency: the most punctual first, those without a figure last.

    With an account, lateness and cost are each from its own shipments where at least `minimum` are behind the figure,
    else from all.
    """
    everyone: dict[tuple[str, str], _Past] = defaultdict(_Past)
    own: dict[tuple[str, str], _Past] = defaultdict(_Past)
    for shipment in shipments:
        everyone[shipment.carrier, shipment.mode].take(shipment)
        if account is not None and shipment.account_id == account:
            own[shipment.carrier, shipment.mode].take(shipment)
    nothing: list[str | None] = [None]
    found = [
        _quote(carrier, mode, currency, own[carrier, mode], past, minimum)
        for (carrier, mode), past in everyone.items()
        for currency in sorted(past.costs) or nothing
    ]
    return sorted(found, key=_most_punctual_first)


def _quote(carrier: str, mode: str, currency: str | None, own: _Past, everyone: _Past, minimum: int) -> Quote:
    narrow = len(own.lateness) >= minimum
    past = own if narrow else everyone
    late, after = sorted(past.lateness), sorted(past.after_estimate)
    own_costs = own.costs.get(currency, []) if currency else []
    narrow_cost = len(own_costs) >= minimum
    costs = sorted(own_costs if narrow_cost else everyone.costs.get(currency, []) if currency else [])
    says, says_of_estimates, says_of_costs = (len(each) >= minimum for each in (late, after, costs))
    return Quote(
        carrier,
        mode,
        "account" if narrow else "all",
        len(late),
        _hundredths(Fraction(100 * sum(each <= 0 for each in late), len(late))) if says else None,
        _hours(Fraction(sum(late), len(late))) if says else None,
        _hours(_median(late)) if says else None,
        _hours(_nine_of_ten(late)) if says else None,
        len(after),
        _hours(_median(after)) if says_of_estimates else None,
        _hours(_nine_of_ten(after)) if says_of_estimates else None,
        currency,
        "account" if narrow_cost else "all",
        len(costs),
        _amount(sum(map(Fraction, costs), Fraction()) / len(costs), currency) if says_of_costs and currency else None,
        _amount(_median(costs), currency) if says_of_costs and currency else None,
    )


def _most_punctual_first(quote: Quote) -> tuple[bool, Decimal, str, str, str]:
    share = quote.on_time_percent
    return (share is None, -(share or Decimal()), quote.carrier, quote.mode, quote.currency or "")


def _median(ordered: Sequence[int] | Sequence[Decimal]) -> Fraction:
    """The middle of a sorted sequence; of an even number the mean of the two in the middle."""
    half = len(ordered) // 2
    if len(ordered) % 2:
        return Fraction(ordered[half])
    return (Fraction(ordered[half - 1]) + Fraction(ordered[half])) / 2


def _nine_of_ten(ordered: Sequence[int]) -> Fraction:
    """The least value of a sorted sequence that at least nine of ten do not exceed."""
    return Fraction(ordered[-(-9 * len(ordered) // 10) - 1])


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _hours(microseconds: Fraction) -> Decimal:
    return _hundredths(microseconds / 3_600_000_000)


def _hundredths(exact: Fraction) -> Decimal:
    """Two places, half-even, as `round` rounds a fraction."""
    return Decimal(round(exact * 100)).scaleb(-2)


def _amount(exact: Fraction, currency: str) -> Decimal:
    """To the currency's minor unit, half-even."""
    places = MINOR_UNITS[currency]
    return Decimal(round(exact * 10**places)).scaleb(-places)
