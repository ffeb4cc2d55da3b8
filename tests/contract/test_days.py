"""A date alone: the end of that day (of a pickup, its beginning) in the message's zone or the business zone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.contract.scenario import LIVE, given, value_in

BY_DAY = [
    ("order.placed.v1", "data.promised_by"),
    ("order.placed.v1", "data.lines[0].promised_by"),
    ("order.amended.v1", "data.lines[0].promised_by"),
    ("order.rescheduled.v1", "data.promised_by"),
    ("order.reinstated.v1", "data.promised_by"),
    ("expedite.requested.v1", "data.needed_by"),
    ("expedite.granted.v1", "data.promised_by"),
    ("shipment.booked.v1", "data.estimated_delivery"),
    ("shipment.rebooked.v1", "data.estimated_delivery"),
    ("shipment.delayed.v1", "data.estimated_delivery"),
    ("parcel.delayed.v1", "data.estimated_delivery"),
]
PICKUP = ("shipment.booked.v1", "data.pickup_at")
BERLIN = replace(LIVE, time_zone="Europe/Berlin")


@pytest.mark.parametrize(("message_type", "path"), BY_DAY)
def test_a_date_alone_is_the_first_instant_of_the_next_day(message_type: str, path: str) -> None:
    message = given(message_type).with_(path, "2026-11-06")

    assert value_in(message.when_read(LIVE).fact(), path) == datetime(2026, 11, 7, tzinfo=UTC)
    assert value_in(message.when_read(BERLIN).fact(), path) == datetime(2026, 11, 6, 23, tzinfo=UTC)


def test_a_date_alone_of_a_pickup_is_the_first_instant_of_that_day() -> None:
    message = given(PICKUP[0]).with_(PICKUP[1], "2026-11-06")

    assert message.when_read(LIVE).fact().pickup_at == datetime(2026, 11, 6, tzinfo=UTC)
    assert message.when_read(BERLIN).fact().pickup_at == datetime(2026, 11, 5, 23, tzinfo=UTC)


@pytest.mark.parametrize(("message_type", "path"), [*BY_DAY, PICKUP])
def test_a_message_may_name_the_zone_of_its_days(message_type: str, path: str) -> None:
    message = given(message_type).with_(path, "2026-07-06").with_("data.time_zone", "America/New_York")
    day = 6 if path == PICKUP[1] else 7

    assert value_in(message.when_read(BERLIN).fact(), path) == datetime(2026, 7, day, 4, tzinfo=UTC)
    message.with_("data.time_zone", "Mars/Olympus").when_read().malformed(
        "data.time_zone: must be a time zone of the IANA database"
    )
    assert message.with_("data.time_zone", None).when_read(BERLIN).well_formed()


def test_the_zone_of_its_days_changes_no_instant() -> None:
    message = given("order.rescheduled.v1")

    assert message.with_("data.time_zone", "Asia/Tokyo").when_read().fact() == message.when_read().fact()


@pytest.mark.parametrize(
    ("zone", "day", "ends_at"),
    [
        ("Europe/Berlin", "2026-03-29", datetime(2026, 3, 29, 22, tzinfo=UTC)),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-25", datetime(2026, 10, 25, 23, tzinfo=UTC)),  # and one of 25
        ("Africa/Cairo", "2024-04-25", datetime(2024, 4, 25, 22, tzinfo=UTC)),  # the next day begins at 01:00
        ("America/Havana", "2024-11-02", datetime(2024, 11, 3, 4, tzinfo=UTC)),  # the next day has two midnights
        ("America/Scoresbysund", "2024-03-30", datetime(2024, 3, 31, 1, tzinfo=UTC)),  # 24:00 came at 23:00
        ("Pacific/Apia", "2011-12-29", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # the 30th was left out
        ("Pacific/Kiritimati", "2026-11-06", datetime(2026, 11, 6, 10, tzinfo=UTC)),
        ("UTC", "9999-12-31", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("America/New_York", "9999-12-30", datetime(9999, 12, 31, 5, tzinfo=UTC)),
        ("UTC", "0001-01-01", datetime(1, 1, 2, tzinfo=UTC)),
    ],
)
def test_a_day_ends_where_the_next_one_begins_even_when_clocks_change(zone: str, day: str, ends_at: datetime) -> None:
    message = given("order.rescheduled.v1").with_("data.promised_by", day).with_("data.time_zone", zone)

    assert message.when_read().fact().promised_by == ends_at


def test_the_first_day_of_all_begins_with_the_first_instant_of_all() -> None:
    message = given(PICKUP[0]).with_(PICKUP[1], "0001-01-01").with_("data.time_zone", "Asia/Tokyo")

    assert message.when_read().fact().pickup_at == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("day", ["2026-02-29", "2026-04-31", "0000-01-01", "2026-13-01"])
def test_a_date_is_a_day_of_the_calendar(day: str) -> None:
    for message_type, path in [*BY_DAY, PICKUP]:
        given(message_type).with_(path, day).when_read().malformed(f"{path}: must be ", ", but is ")


def test_of_two_lines_one_may_name_a_day_and_the_other_an_instant() -> None:
    lines = [
        {"line": 1, "quantity": 1, "unit_price": 1, "promised_by": "2026-11-06"},
        {"line": 2, "quantity": 1, "unit_price": 1, "promised_by": "2026-11-06T16:00:00Z"},
        {"line": 3, "quantity": 1, "unit_price": 1},
    ]

    fact = given("order.amended.v1").with_("data.lines", lines).when_read().fact()

    promises = [line.promised_by for line in fact.lines]
    assert promises == [datetime(2026, 11, 7, tzinfo=UTC), datetime(2026, 11, 6, 16, tzinfo=UTC), None]
