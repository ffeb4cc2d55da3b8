"""Each reason of a malformed message names the field and says what to send instead."""

from typing import Any

import pytest

from consumers.contract import Malformed, read_record
from consumers.contract.faults import faults_in, problems_by_field
from tests.contract.scenario import HISTORY, LIVE, RECEIVED_AT, given, number

LINE = {"line": 1, "quantity": 1, "unit_price": 1}
MISTAKES: list[tuple[str, Any, str]] = [
    ("specversion", "0.3", "must be 1.0"),
    ("source", "urn:waybill:reactor:x", "must be a name of your own"),
    ("type", "order.place.v1", "perhaps order.placed.v1"),
    ("type", "standing_order.missed.v1", "must be one that an upstream may publish"),
    ("time", "2026-03-01T09:00:00", "such as Z or +01:00 at its end"),
    ("time", 7, "like 2026-03-01T09:00:00Z"),
    ("subject", "", "must have 1 to 200 characters"),
    ("datacontenttype", "text/xml", "must be application/json or another JSON media type"),
    ("data", [], "must be an object"),
    ("data.segment", "B2B", "must be b2b or b2c"),
    ("data.currency", "Euro", "like EUR"),
    ("data.currency", "eur", "perhaps EUR"),
    ("data.promised_by", "2026-02-29", "must be a day of the calendar"),
    ("data.time_zone", "CET+1", "like Europe/Berlin"),
    ("data.lines", {}, "must be a list"),
    ("data.lines", [], "must have at least one line"),
    ("data.lines", [LINE, LINE], "give each row a line of its own"),
    ("data.lines[0].quantity", "1,5", 'like "12.50"'),
    ("data.lines[0].unit_price", "14,00", "perhaps 14.00"),
    ("data.lines[0].quantity", -1, "must be 0 or more"),
    ("data.lines[0].line", 1.5, "must be an integer from 0"),
    ("data_base64", "e30=", "must be absent where data are given"),
]
BYTES = [
    (b"", "to take a message back, publish message.voided.v1"),
    (b"{", "send one whole JSON document"),
    (b"[]", "must be a JSON object"),
    (b"[{}, {}]", "send each of its messages on its own"),
    (b"{},", "without a comma after it"),
    (b"{}\r{}", "end each message with a line feed"),
    (b"\xff", "must be UTF-8"),
    ("{}".encode("utf-16"), "looks like UTF-16; convert it"),
    ("{}".encode("utf-16-le"), "looks like UTF-16; convert it"),
    ("{}".encode("utf-16-be"), "looks like UTF-16; convert it"),
    (b"[" * 501 + b"]" * 501, "nest at most 500 deep"),
    (b"[1e9999999999999999999]", "write it like"),
    (b"\0\0\0\0\x07{}", "publish it as plain JSON"),
]


@pytest.mark.parametrize(("path", "value", "remedy"), MISTAKES)
def test_a_mistake_is_answered_with_its_field_and_the_remedy(path: str, value: Any, remedy: str) -> None:
    reason = given("order.placed.v1").with_(path, value).when_read().malformed()

    said = {field: problem for field, problem in problems_by_field(reason)[0] if field == path}
    assert remedy in said[path]
    assert path in {fault.field for fault in faults_in(reason)}


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("data.promised_by", "promisedBy"),
        ("data.lines[0].unit_price", "unitprice"),
        ("data.lines[0].quantity", "quantiti"),
    ],
)
def test_a_name_that_looks_like_that_of_a_missing_field_is_named(path: str, sent: str) -> None:
    reason = given("order.placed.v1").without(path).with_(f"{path.rpartition('.')[0]}.{sent}", "x").when_read()

    assert f"{path}: must be given, perhaps instead of {sent}, but is missing" in reason.malformed()


@pytest.mark.parametrize("path", ["id", "source", "data", "data.promised_by", "data.lines[0].quantity"])
def test_what_is_missing_is_named(path: str) -> None:
    reason = given("order.placed.v1").without(path).when_read().malformed()

    assert problems_by_field(reason) == ([(path, "must be given, but is missing")], 0)


@pytest.mark.parametrize(("raw", "remedy"), BYTES)
def test_bytes_that_are_no_message_are_answered_with_the_remedy(raw: bytes, remedy: str) -> None:
    read = read_record(raw, (), RECEIVED_AT, LIVE)

    assert isinstance(read, Malformed)
    ((field, problem),) = problems_by_field(read.reason)[0]
    assert field == "message" and remedy in problem


def test_the_content_of_base64_and_names_of_fields_are_faults_of_their_fields() -> None:
    (content,) = faults_in(
        given("order.placed.v1").without("data").with_("data_base64", "ew==").when_read().malformed()
    )
    (name,) = faults_in(given("order.cancelled.v1").with_("data", {"reason": "x", "a\0": 1}).when_read().malformed())

    assert content.field == "data_base64" and content.rule.startswith("its content must be JSON")
    assert name.field == "data.a\\u0000" and name.rule.startswith("its name must be without NUL")


def test_an_imported_history_was_not_recorded_in_the_future() -> None:
    ahead = given("order.placed.v1").with_("recordedtime", "2099-01-01T00:00:00Z")

    reason = ahead.when_read(HISTORY).malformed()

    assert problems_by_field(reason)[0][0][0] == "recordedtime"


def test_a_number_without_bounds_is_answered_with_its_bounds() -> None:
    wrong = given("order.placed.v1").with_("data.lines[0].quantity", number("1e30")).when_read().malformed()

    assert "must have at most 15 digits before the point" in wrong
