"""given shipments of the past, then a quote says what to expect of each carrier, and of how many that is said."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from domain.desk.carrier_quotes import PastShipment, Quote, quotes
from tests.unit.domain.facts import oclock


def shipment(
    late: float | None = 0,
    *,
    carrier: str = "DHL",
    account: str | None = "ALFKI",
    after_estimate: float | None = None,
    cost: str | None = None,
    currency: str = "USD",
) -> PastShipment:
    """Delivered so many hours after its promise of 17 (None: not yet), and after its estimate."""
    arrival = None if late is None else 17 + late
    return PastShipment(
        carrier=carrier,
        mode="courier",
        service_level=None,
        account_id=account,
        promised_by=None if arrival is None else oclock(17),
        original_estimate=None if arrival is None or after_estimate is None else oclock(arrival - after_estimate),
        delivered_at=None if arrival is None else oclock(arrival),
        cost=None if cost is None else Decimal(cost),
        currency=currency,
    )


def quoted(shipments: Sequence[PastShipment], account: str | None = None, minimum: int = 5) -> Quote:
    (found,) = quotes(shipments, account, minimum)
    return found


def test_a_carrier_has_its_share_on_time_and_how_late_it_is() -> None:
    found = quoted([shipment(late) for late in (-4, -2, 0, 1, 7)])
    assert (found.carrier, found.mode, found.basis, found.shipments) == ("DHL", "courier", "all", 5)
    assert found.on_time_percent == Decimal("60.00")
    assert found.mean_hours_late == Decimal("0.40")
    assert found.median_hours_late == Decimal("0.00")
    assert found.p90_hours_late == Decimal("7.00")


def test_nine_of_ten_came_no_later_than_the_ninetieth_percent() -> None:
    assert quoted([shipment(late) for late in range(10)]).p90_hours_late == 8
    assert quoted([shipment(late) for late in range(11)]).p90_hours_late == 9
    assert quoted([shipment(late) for late in range(20)]).p90_hours_late == 17


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    assert quoted([shipment(late) for late in (0, 1, 2, 2.5, 8, 9)]).median_hours_late == Decimal("2.25")


def test_too_few_shipments_give_no_figure_but_their_number() -> None:
    found = quoted([shipment(late) for late in (1, 2, 3, 4)] + [shipment(None)] * 3)
    assert found.shipments == 4
    assert found.on_time_percent is found.mean_hours_late is found.median_hours_late is found.p90_hours_late is None
    assert quoted([shipment(late) for late in (1, 2, 3, 4)], minimum=4).mean_hours_late == Decimal("2.50")


def test_the_estimate_has_its_own_number_of_shipments() -> None:
    few = [shipment(1, after_estimate=hours) for hours in (1, 2, 3, 4)] + [shipment(1)] * 2
    assert (quoted(few).shipments, quoted(few).estimates, quoted(few).median_hours_after_estimate) == (6, 4, None)
    enough = quoted([*few, shipment(1, after_estimate=-5)])
    assert enough.estimates == 5
    assert (enough.median_hours_after_estimate, enough.p90_hours_after_estimate) == (Decimal(2), Decimal(4))


def test_each_currency_has_its_cost_of_delivered_shipments_and_of_others() -> None:
    dollars = [shipment(1, cost=cost) for cost in ("1", "2", "2.005", "9", "11")]
    yen = [shipment(None, cost=cost, currency="JPY") for cost in ("1", "2", "3", "4", "5", "6")]
    in_yen, in_dollars = quotes([*dollars, *yen])
    assert (in_yen.currency, in_yen.costs) == ("JPY", 6)
    assert (in_yen.median_cost, in_yen.mean_cost) == (Decimal(4), Decimal(4))
    assert (in_dollars.currency, in_dollars.costs) == ("USD", 5)
    assert (in_dollars.median_cost, in_dollars.mean_cost) == (Decimal("2.00"), Decimal("5.00"))
    assert in_yen.shipments == in_dollars.shipments == 5


def test_too_few_costs_give_no_cost() -> None:
    found = quoted([shipment(1, cost="3")] * 4 + [shipment(1)] * 4)
    assert (found.currency, found.costs, found.mean_cost, found.median_cost) == ("USD", 4, None, None)
    assert found.mean_hours_late == 1


def test_a_carrier_without_any_cost_is_quoted_in_no_currency() -> None:
    found = quoted([shipment(1)] * 5)
    assert (found.currency, found.costs, found.mean_cost, found.mean_hours_late) == (None, 0, None, Decimal(1))


def test_an_account_with_enough_of_its_own_has_its_own_figures() -> None:
    own = [shipment(8, account="ALFKI", cost="5")] * 5
    others = [shipment(0, account="ANATR", cost="1")] * 20
    assert quoted([*own, *others], "ALFKI")[2:5] == ("account", 5, Decimal("0.00"))
    assert quoted([*own, *others], "ALFKI").mean_cost == Decimal("5.00")
    assert quoted([*own, *others])[2:4] == ("all", 25)


def test_an_account_with_too_few_of_its_own_has_the_figures_of_all() -> None:
    own = [shipment(8, account="ALFKI", cost="5")] * 4
    others = [shipment(0, account="ANATR", cost="1")] * 4
    found = quoted([*own, *others], "ALFKI")
    assert (found.basis, found.shipments, found.on_time_percent) == ("all", 8, Decimal("50.00"))
    assert (found.cost_basis, found.costs, found.mean_cost) == ("all", 8, Decimal("3.00"))


def test_lateness_and_cost_have_each_their_own_basis() -> None:
    own = [shipment(8, account="ALFKI")] * 5
    others = [shipment(0, account="ANATR", cost="1")] * 5
    found = quoted([*own, *others], "ALFKI")
    assert (found.basis, found.cost_basis, found.mean_cost) == ("account", "all", Decimal("1.00"))


def test_orders_of_no_account_are_nobodys_own() -> None:
    assert quoted([shipment(1, account=None)] * 5, "ALFKI").basis == "all"


def test_the_most_punctual_carrier_comes_first_and_one_without_a_figure_last() -> None:
    bad = [shipment(1, carrier="A")] * 5
    good = [shipment(0, carrier="C")] * 5
    as_good = [shipment(0, carrier="B")] * 5
    few = [shipment(0, carrier="0")] * 4
    assert [quote.carrier for quote in quotes([*bad, *good, *as_good, *few])] == ["B", "C", "A", "0"]


@pytest.mark.parametrize(("seconds", "hours"), [(18, "0.00"), (54, "0.02"), (-18, "0.00"), (-54, "-0.02")])
def test_hours_are_rounded_half_even(seconds: float, hours: str) -> None:
    assert quoted([shipment(seconds / 3600)], minimum=1).mean_hours_late == Decimal(hours)


def test_nothing_in_the_past_is_no_quote() -> None:
    assert quotes([]) == []
