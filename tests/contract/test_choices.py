"""Values out of a list: enumerations, currencies, months, time zones."""

from typing import Any

import pytest

from domain.currency import MINOR_UNITS
from tests.contract.scenario import given, number, value_in

ENUMERATIONS = {
    ("order.placed.v1", "data.segment"): ["b2b", "b2c"],
    ("order.placed.v1", "data.channel"): [
        "inbound_call",
        "outbound_call",
        "counter",
        "visit",
        "online",
        "standing_order",
    ],
    ("expedite.requested.v1", "data.requested_by"): ["customer", "rep"],
    ("customer.informed.v1", "data.about"): ["expedite", "delay", "other"],
    ("shipment.booked.v1", "data.mode"): ["courier", "in_house", "pickup"],
    ("shipment.rebooked.v1", "data.mode"): ["courier", "in_house", "pickup"],
    ("customer.contacted.v1", "data.direction"): ["inbound", "outbound"],
    ("customer.contacted.v1", "data.about"): ["order", "inquiry", "account_update", "promotion"],
    ("rep.registered.v1", "data.level"): ["entry", "senior"],
    ("rep.changed.v1", "data.level"): ["entry", "senior"],
    ("account.registered.v1", "data.segment"): ["b2b", "b2c"],
    ("standing_order.established.v1", "data.segment"): ["b2b", "b2c"],
}

CURRENCIES = ["order.placed.v1", "standing_order.established.v1", "rep.quota_set.v1", "rep.pay_plan_set.v1"]
MONTHS = ["rep.quota_set.v1", "rep.pay_plan_set.v1"]


@pytest.mark.parametrize(("at", "choices"), ENUMERATIONS.items())
def test_a_choice_is_one_of_the_contract(at: tuple[str, str], choices: list[str]) -> None:
    message_type, path = at
    for choice in choices:
        assert value_in(given(message_type).with_(path, choice).when_read().fact(), path) == choice
    no_choice: list[Any] = ["", choices[0].upper(), choices[0] + " ", "none", 1, True, number("1.0"), [choices[0]], {}]
    for bad in no_choice:
        reason = given(message_type).with_(path, bad).when_read().malformed(f"{path}: must be ", "but is ")
        assert all(choice in reason for choice in choices)


@pytest.mark.parametrize("message_type", CURRENCIES)
def test_a_currency_is_a_code_of_iso_4217(message_type: str) -> None:
    for code in MINOR_UNITS:
        assert given(message_type).with_("data.currency", code).when_read().fact().currency == code
    no_code: list[Any] = ["", "eur", "EURO", "€", "EUR ", "ZZZ", 978, None, ["EUR"], {}]
    for bad in no_code:
        given(message_type).with_("data.currency", bad).when_read().malformed("data.currency: must be a currency code")


@pytest.mark.parametrize("message_type", MONTHS)
def test_a_month_is_a_month_of_the_calendar(message_type: str) -> None:
    for good in ("2026-01", "2026-12", "0001-01", "9999-12"):
        assert given(message_type).with_("data.month", good).when_read().fact().month == good
    for bad in ("", "2026-00", "2026-13", "2026-1", "0000-05", "2026", "2026-03-01", "26-03", "2026/03", "2026-03\n"):
        given(message_type).with_("data.month", bad).when_read().malformed("data.month: must be a month, like 2026-03")
    others: list[Any] = ["２０２６-03", 202603, None, True, []]
    for bad in others:
        given(message_type).with_("data.month", bad).when_read().malformed("data.month: must be a month")


def test_a_time_zone_is_one_of_the_iana_database() -> None:
    path = "data.time_zone"
    for good in ("Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"):
        assert given("account.registered.v1").with_(path, good).when_read().fact().time_zone == good
    bad: list[Any] = ["", "Mars/Olympus", "europe/berlin", "Europe", "../etc/passwd", "/etc/localtime", "localtime"]
    for zone in [*bad, "+01:00", "Europe/Berlin\0", "Europe/Berlin ", 1, True, [], "x" * 100_000]:
        given("account.registered.v1").with_(path, zone).when_read().malformed(
            f"{path}: must be a time zone of the IANA"
        )


def test_a_quota_is_an_amount_or_a_growth_and_not_both() -> None:
    neither = given("rep.quota_set.v1").without("data.target_amount")
    rule = "data: must have exactly one of target_amount and growth_percent"

    assert neither.with_("data.growth_percent", "7.5").with_("data.target_amount", None).when_read().well_formed()
    assert neither.with_("data.target_amount", 1).with_("data.growth_percent", None).when_read().well_formed()
    neither.when_read().malformed(rule)
    neither.with_("data.growth_percent", None).when_read().malformed(rule)
    neither.with_("data.growth_percent", 1).with_("data.target_amount", 1).when_read().malformed(rule)
    neither.with_("data.growth_percent", 0).with_("data.target_amount", 0).when_read().malformed(rule)
