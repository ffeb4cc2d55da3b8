"""How often, from when, until when: the values that only standing orders have."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.standing_order.events import Every
from tests.contract.scenario import Given, given, number, value_in

ESTABLISHED = "standing_order.established.v1"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def every(**said: Any) -> Given:
    return given(ESTABLISHED).with_("data.every", said)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ({"days": 14}, Every(days=14)),
        ({"days": number("14.0"), "weekday": None}, Every(days=14)),
        ({"weekday": 7}, Every(weekday=7)),
        ({"month_day": number("31e0")}, Every(month_day=31)),
        ({"month_day": 1, "days": None, "weekday": None}, Every(month_day=1)),
        *(({"weekday": name}, Every(weekday=iso)) for iso, name in enumerate(WEEKDAYS, 1)),
        ({"weekday": "fRIDAY"}, Every(weekday=5)),
    ],
)
def test_exactly_one_of_three_says_how_often(said: dict[str, Any], means: Every) -> None:
    assert every(**said).when_read().fact().every == means


@pytest.mark.parametrize("said", [{}, {"days": None}, {"days": 7, "weekday": 1}, {"weekday": 1, "month_day": 1}])
def test_none_or_several_of_the_three_are_malformed(said: dict[str, Any]) -> None:
    every(**said).when_read().malformed("data.every: must have exactly one of days, weekday and month_day")


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("data.every.days", 1, 1_000_000),
        ("data.every.month_day", 1, 31),
        ("data.lead_days", 0, 1_000_000),
    ],
)
def test_a_count_of_days_is_an_integer_within_its_bounds(path: str, least: int, most: int) -> None:
    message = every() if "every" in path else given(ESTABLISHED)
    for good in (least, most):
        assert value_in(message.with_(path, good).when_read().fact(), path) == good
    no_count: list[Any] = [least - 1, most + 1, number("1.5"), number("1e400"), "7", True, [7], {}]
    for bad in no_count:
        message.with_(path, bad).when_read().malformed(f"{path}: must be an integer from {least} to {most}, but is")


def test_a_weekday_is_an_iso_number_or_an_english_name() -> None:
    no_weekday: list[Any] = [0, 8, number("1.5"), "", "Mon", "Montag", "Monday ", "1", True, ["Monday"]]
    for bad in no_weekday:
        every(weekday=bad).when_read().malformed("data.every.weekday: must be an integer from 1 (Monday) to 7 (Sunday)")


@pytest.mark.parametrize("name", ["first_on", "until"])
def test_a_date_stays_a_day_of_the_calendar(name: str) -> None:
    path = f"data.{name}"
    for good in ("2024-02-29", "0001-01-01", "9999-12-31"):
        found = value_in(given(ESTABLISHED).with_(path, good).when_read().fact(), path)
        assert type(found) is date
        assert found == date.fromisoformat(good)
    for bad in ("2026-02-29", "0000-01-01"):
        given(ESTABLISHED).with_(path, bad).when_read().malformed(f"{path}: must be a day of the calendar")
    no_date: list[Any] = ["", "2026-3-1", "20260301", "2026-03-01T00:00:00Z", "2026-03-01\n", 20260301, [], {}]
    for bad in no_date:
        given(ESTABLISHED).with_(path, bad).when_read().malformed(f"{path}: must be a date, like 2026-03-01, but is")


def test_what_is_ignored_in_how_often_and_in_lines_is_named() -> None:
    lines = [{"line": 1, "quantity": 2, "unit_price": "3.50", "promised_by": "2026-03-09"}]
    message = every(days=7, weeks=1).with_("data.lines", lines).with_("data.color", "red")

    found = message.when_read().well_formed()

    assert sorted(found.ignored) == ["color", "every.weeks", "lines[0].promised_by"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"weekday": 2}, {"weekday": "tuesday", "days": None}),
        ({"days": 14}, {"days": number("1.4e1")}),
    ],
)
def test_terms_that_mean_the_same_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    lines = [{"line": line, "quantity": "2", "unit_price": 1} for line in (1, 2)]
    first = every(**one).with_("data.lines", lines).when_read().fact()
    second = every(**other).with_("data.lines", lines[::-1]).when_read().fact()

    assert first.says_the_same_as(second)
    assert not first.says_the_same_as(every(days=15).with_("data.lines", lines).when_read().fact())
    assert not first.says_the_same_as(
        every(**one).with_("data.lines", lines).with_("data.first_on", "2026-04-15").when_read().fact()
    )


def test_lines_are_goods_and_charges_as_in_an_order() -> None:
    lines = [
        {"line": 1, "quantity": "2", "unit_price": "3.50"},
        {"line": "freight", "kind": "charge", "quantity": 1, "unit_price": "-1"},
    ]
    found = given(ESTABLISHED).with_("data.lines", lines).when_read().fact()

    assert [(line.line, line.kind, line.unit_price) for line in found.lines] == [
        ("1", "goods", Decimal("3.50")),
        ("freight", "charge", Decimal(-1)),
    ]
