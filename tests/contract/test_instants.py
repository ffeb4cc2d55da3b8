"""Instants: RFC 3339 with an offset, read as UTC, kept to the microsecond."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.contract import ReadingRules
from tests.contract.scenario import HISTORY, LIVE, RECEIVED_AT, given, number, value_in

INSTANTS = [
    ("order.placed.v1", "data.promised_by"),
    ("order.rescheduled.v1", "data.promised_by"),
    ("expedite.requested.v1", "data.needed_by"),
    ("expedite.granted.v1", "data.promised_by"),
    ("shipment.booked.v1", "data.pickup_at"),
    ("shipment.booked.v1", "data.estimated_delivery"),
    ("shipment.rebooked.v1", "data.estimated_delivery"),
    ("shipment.delayed.v1", "data.estimated_delivery"),
    ("order.reinstated.v1", "data.promised_by"),
    ("order.placed.v1", "data.lines[0].promised_by"),
    ("order.amended.v1", "data.lines[0].promised_by"),
]

GOOD = [
    ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ("2026-03-01t09:00:00z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ("2026-03-01T09:00:00+01:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
    ("2026-03-01T00:30:00+14:00", datetime(2026, 2, 28, 10, 30, tzinfo=UTC)),
    ("2026-03-01T09:00:00-03:30", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
    ("2026-03-01T09:00:00-00:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ("2026-03-01T09:00:00+23:59", datetime(2026, 2, 28, 9, 1, tzinfo=UTC)),
    ("2026-03-01T09:00:00.5Z", datetime(2026, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)),
    ("2026-03-01T09:00:00.123456Z", datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)),
    ("2026-03-01T09:00:00.1234569Z", datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)),
    ("2026-03-01T09:00:00.999999999999+01:00", datetime(2026, 3, 1, 8, 0, 0, 999_999, tzinfo=UTC)),
    ("2026-03-01T09:00:00." + "9" * 5000 + "Z", datetime(2026, 3, 1, 9, 0, 0, 999_999, tzinfo=UTC)),
    ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("0001-01-01T01:00:00+01:00", datetime(1, 1, 1, tzinfo=UTC)),
    ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
]


@pytest.mark.parametrize(("sent", "read"), GOOD)
def test_an_instant_is_read_in_utc(sent: str, read: datetime) -> None:
    for message_type, path in INSTANTS:
        instant = value_in(given(message_type).with_(path, sent).when_read().fact(), path)
        assert instant == read
        assert instant.tzinfo is UTC


NO_OFFSET = ["2026-03-01T09:00:00", "2026-03-01T09:00:00.5"]
NO_INSTANT = [
    "",
    "2026-03-01Z",
    "09:00:00Z",
    "2026-03-01 09:00:00Z",
    "2026-03-01T09:00Z",
    "2026-03-01T09Z",
    "2026-3-1T09:00:00Z",
    "20260301T090000Z",
    "2026-W09-7T09:00:00Z",
    "2026-03-01T09:00:00,5Z",
    "2026-03-01T09:00:00.Z",
    "2026-03-01T09:00:00+01",
    "2026-03-01T09:00:00+0100",
    "2026-03-01T09:00:00+01:00:30",
    "2026-03-01T09:00:00+24:00",
    "2026-03-01T09:00:00+01:60",
    "2026-03-01T24:00:00Z",
    "2026-03-01T09:60:00Z",
    "2026-06-30T23:59:60Z",
    "2026-13-01T09:00:00Z",
    "2026-00-01T09:00:00Z",
    "2026-03-00T09:00:00Z",
    "2026-03-32T09:00:00Z",
    "2026-03-01T09:00:00Z ",
    " 2026-03-01T09:00:00Z",
    "2026-03-01T09:00:00Z\n",
    "２０２６-03-01T09:00:00Z",
    "+2026-03-01T09:00:00Z",
    "12026-03-01T09:00:00Z",
    "2026-03-01T09:00:00Europe/Berlin",
    "yesterday",
    "1772355600",
]
NO_DAY = ["2026-02-29T09:00:00Z", "2026-04-31T09:00:00Z", "0000-01-01T00:00:00Z"]
NO_TEXT: list[Any] = [1772355600, number("1772355600.5"), True, [], {}]
OUT_OF_YEARS = ["0001-01-01T00:59:59+01:00", "9999-12-31T23:00:00-01:00"]

ENVELOPE = [("order.cancelled.v1", "time"), ("order.cancelled.v1", "recordedtime")]


@pytest.mark.parametrize(
    ("sent", "rule"),
    [
        *((sent, "must carry an offset") for sent in NO_OFFSET),
        *((sent, "must be an RFC 3339 instant") for sent in NO_INSTANT),
        *((sent, "must be a day of the calendar") for sent in NO_DAY),
        *((sent, "must lie within the years 0001 to 9999 in UTC") for sent in OUT_OF_YEARS),
        *((sent, "must be an instant as text") for sent in NO_TEXT),
    ],
)
def test_anything_else_is_malformed(sent: Any, rule: str) -> None:
    for message_type, path in INSTANTS + ENVELOPE:
        given(message_type).with_(path, sent).when_read().malformed(f"{path}: {rule}", ", but is ")


def test_the_time_of_the_message_is_when_it_occurred() -> None:
    fact = given("order.cancelled.v1").with_("time", "2026-03-01T09:00:00.25+01:00").when_read().fact()

    assert fact.occurred_at == datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)
    assert fact.occurred_at.tzinfo is UTC


@pytest.mark.parametrize("rules", [LIVE, HISTORY])
def test_the_clock_has_no_say_in_what_a_message_means(rules: ReadingRules) -> None:
    for time in ("2031-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        read = given("order.cancelled.v1").with_("time", time).when_read(rules).fact()
        assert read.occurred_at.isoformat().replace("+00:00", "Z") == time


def test_the_time_of_a_message_is_no_date_alone() -> None:
    for path in ("time", "recordedtime"):
        given("order.cancelled.v1").with_(path, "2026-03-01").when_read().malformed(
            f"{path}: must be an RFC 3339 instant"
        )


def test_the_clock_of_the_service_says_when_a_message_was_recorded() -> None:
    message = given("order.cancelled.v1").with_("recordedtime", "2020-05-05T18:00:00+02:00")

    assert message.when_read(LIVE).fact().recorded_at == RECEIVED_AT


def test_an_imported_history_says_itself_when_a_message_was_recorded() -> None:
    message = given("order.cancelled.v1").with_("recordedtime", "2020-05-05T18:00:00+02:00")

    assert message.when_read(HISTORY).fact().recorded_at == datetime(2020, 5, 5, 16, tzinfo=UTC)
    assert message.without("recordedtime").when_read(HISTORY).fact().recorded_at == RECEIVED_AT
    assert message.with_("recordedtime", None).when_read(HISTORY).fact().recorded_at == RECEIVED_AT


def test_a_history_cannot_have_been_recorded_in_the_future() -> None:
    message = given("order.cancelled.v1")
    ahead = (RECEIVED_AT + timedelta(microseconds=1)).isoformat()

    assert message.with_("recordedtime", RECEIVED_AT.isoformat()).when_read(HISTORY).fact().recorded_at == RECEIVED_AT
    message.with_("recordedtime", ahead).when_read(HISTORY).malformed(
        "recordedtime: must not be ahead of the clock, but is 0:00:00.000001 ahead: "
    )
    message.with_("recordedtime", ahead).without("data.reason").when_read(HISTORY).malformed(
        "data.reason: must be given, but is missing; recordedtime: must not be ahead of the clock"
    )
    assert message.with_("recordedtime", ahead).when_read(LIVE).fact().recorded_at == RECEIVED_AT
