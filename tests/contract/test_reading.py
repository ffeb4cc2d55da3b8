"""From bytes to a fact: the envelope, the JSON around it, and how problems are told."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from consumers.contract import EXAMPLES, Malformed, ReadingRules, WellFormed, read_cloud_event
from tests.contract.scenario import LIVE, RECEIVED_AT, Given, Then, given, number, when_read

ATTRIBUTES = ["specversion", "id", "source", "type", "time", "subject", "data"]
OPTIONAL = ["datacontenttype", "correlationid", "causationid", "traceparent", "recordedtime"]


# -- the envelope --------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_envelope_has_these_attributes(attribute: str) -> None:
    given("order.cancelled.v1").without(attribute).when_read().malformed(f"{attribute}: must be given, but is missing")
    given("order.cancelled.v1").with_(attribute, None).when_read().malformed(f"{attribute}: must be ", "but is null")


@pytest.mark.parametrize("attribute", OPTIONAL)
def test_the_envelope_may_have_these_attributes(attribute: str) -> None:
    without = given("order.cancelled.v1").without(attribute).when_read().well_formed()

    assert given("order.cancelled.v1").with_(attribute, None).when_read().well_formed() == without


def test_specversion_is_1_0_as_text() -> None:
    for bad in ("1", "1.0.0", "0.3", "", 1, number("1.0"), True, ["1.0"]):
        given("order.cancelled.v1").with_("specversion", bad).when_read().malformed("specversion: must be 1.0, but is ")


def test_the_data_are_json() -> None:
    path = "datacontenttype"
    for good in (
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/vnd.desk+json",
        "application/vnd.desk.order-v2+json; profile=x",
        "text/x.desk+json",
    ):
        assert given("order.cancelled.v1").with_(path, good).when_read().well_formed()
    for bad in (
        "",
        "json",
        "application/xml",
        "text/plain",
        "application/jsonl",
        "application/json charset",
        "+json",
        5,
    ):
        given("order.cancelled.v1").with_(path, bad).when_read().malformed(
            f"{path}: must be application/json or another"
        )


def test_a_trace_context_is_text() -> None:
    good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    assert given("order.cancelled.v1").with_("traceparent", good).when_read().well_formed()
    given("order.cancelled.v1").with_("traceparent", "00\0").when_read().malformed("traceparent: must be without NUL")
    given("order.cancelled.v1").with_("traceparent", 0).when_read().malformed("traceparent: must be text")


# -- the type ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("order.placed.v2", "order.placed.v1"),
        ("order.canceled.v1", "order.cancelled.v1"),
        ("orders.placed.v1", "order.placed.v1"),
        ("shipment.delay.v1", "shipment.delayed.v1"),
        ("ORDER.PLACED.V1", ".v1"),
        ("", ".v1"),
        ("x", ".v1"),
        ("order.placed.v1" * 50_000, ".v1"),
    ],
)
def test_an_unknown_type_is_malformed_and_the_nearest_known_one_is_named(unknown: str, nearest: str) -> None:
    reason = (
        given("order.placed.v1")
        .with_("type", unknown)
        .when_read()
        .malformed("type: must be one of the contract's types")
    )

    assert nearest in reason.partition(", but is ")[0]


def test_a_message_of_waybills_own_type_is_malformed_from_outside() -> None:
    missed = given("standing_order.stopped.v1").with_("type", "standing_order.missed.v1")

    missed.with_("data", {"due_on": "2026-03-09"}).when_read().malformed(
        "type: must be one that an upstream may publish; Waybill alone writes this one, but is"
    )


def test_a_type_is_text() -> None:
    for bad in (1, True, None, ["order.placed.v1"], {"order": "placed"}):
        given("order.placed.v1").with_("type", bad).when_read().malformed("type: must be text, but is ")


def test_other_problems_are_reported_with_an_unknown_type() -> None:
    given("order.placed.v1").with_("type", "order.place.v1").with_("id", "").when_read().malformed(
        "type: must be one of the contract's types, perhaps order.placed.v1, but is",
        "id: must have 1 to 200 characters",
    )


# -- the bytes -----------------------------------------------------------------------------------


def test_a_message_of_the_greatest_size_is_taken_and_a_byte_more_is_not() -> None:
    message = given("order.cancelled.v1").with_("data.reason", "")
    largest = message.with_("data.reason", "x" * (LIVE.max_bytes - len(message.raw()))).raw()
    assert len(largest) == LIVE.max_bytes

    assert when_read(largest).well_formed()
    when_read(largest + b" ").malformed("message: must have at most 1048576 bytes, but has 1048577")


def test_a_message_that_is_too_large_is_not_even_parsed() -> None:
    small = ReadingRules(max_bytes=10)

    when_read(b"\xff" * 11, small).malformed("message: must have at most 10 bytes, but has 11")
    assert isinstance(read_cloud_event(EXAMPLES["order.placed.v1"], 11, RECEIVED_AT, small), Malformed)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b'{"id"',
        b'{"id":1,}',
        b"{'id':1}",
        b"order",
        b"nul",
        b"[[[",
        b"{}{}",
        b"{}\x00",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"id":"\n"}',
        b'{"id":"\x00"}',
        rb'{"id":"\x00"}',
        rb'{"id":"\u12"}',
        b"// order\n{}",
    ],
)
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    when_read(raw).malformed("message: must be JSON, but: ")


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b'{"id":"\xff"}',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        '{"id":"é"}'.encode("latin-1"),
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_utf_8_is_malformed(raw: bytes) -> None:
    when_read(raw).malformed("message: must be UTF-8, but is not at byte ")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"true", b"1", b"1.5", b'"order"', b"[{}]"])
def test_json_that_is_no_object_is_malformed(raw: bytes) -> None:
    when_read(raw).malformed("message: must be a JSON object, but is ")


def test_an_empty_object_misses_everything() -> None:
    when_read(b"{}").malformed("must be given, but is missing", "; and 4 more")


@pytest.mark.parametrize("deep", [b"[" * 500_000, b'{"a":' * 200_000, b"[" * 3000 + b"]" * 3000])
def test_json_nested_too_deeply_is_malformed(deep: bytes) -> None:
    when_read(deep).malformed("message: must be JSON, but is nested too deeply")
    raw = given("order.cancelled.v1").with_("data.unheard_of", "HERE").raw().replace(b'"HERE"', deep)
    when_read(raw).malformed("message: must be JSON, but is nested too deeply")


def test_how_deep_json_may_be_nested_is_the_same_under_every_python() -> None:
    # two levels are the message's own
    for levels, deep_enough in ((498, True), (499, False)):
        nested = b"[" * levels + b"]" * levels
        read = when_read(given("order.cancelled.v1").with_("data.unheard_of", "HERE").raw().replace(b'"HERE"', nested))
        if deep_enough:
            read.well_formed()
        else:
            read.malformed("message: must be JSON, but is nested too deeply")


def test_brackets_in_a_text_or_in_sequence_do_not_nest() -> None:
    for said in (b'"' + rb"[\"[{\\" * 400 + b'"', b"[" + b"[], " * 2_000 + b"{}]"):
        raw = given("order.cancelled.v1").with_("data.unheard_of", "HERE").raw().replace(b'"HERE"', said)
        when_read(raw).well_formed()


def test_nesting_within_reason_is_ignored_like_any_unknown_field() -> None:
    deep = b"[" * 300 + b"]" * 300
    raw = given("order.cancelled.v1").with_("data.unheard_of", "HERE").raw().replace(b'"HERE"', deep)

    assert when_read(raw).well_formed()


def test_blanks_around_and_within_the_json_do_not_matter() -> None:
    message = given("order.placed.v1")

    assert when_read(b"\n " + msgspec.json.format(message.raw()) + b"\r\n").fact() == message.when_read().fact()


# -- how problems are told -----------------------------------------------------------------------


def test_several_problems_are_reported_together_and_the_rest_counted() -> None:
    broken = (
        given("order.placed.v1")
        .with_("id", "")
        .with_("data.currency", "usd")
        .with_("data.lines[0].quantity", -3)
        .with_("data.rep_id", "")
        .with_("data.segment", "b3b")
    )

    reason = broken.when_read().malformed()

    assert reason == (
        'id: must have 1 to 200 characters, but is ""; '
        'data.rep_id: must have 1 to 200 characters, but is ""; '
        'data.segment: must be b2b or b2c, but is "b3b"; and 2 more'
    )


def test_a_value_is_shown_up_to_60_characters() -> None:
    reason = given("order.placed.v1").with_("data.currency", "y" * 100_000).when_read().malformed()

    shown = reason.partition("but is ")[2]
    assert len(shown) == 60
    assert shown.endswith("…")


def test_a_reason_has_no_control_characters_and_no_single_surrogates() -> None:
    given("order.placed.v1").with_("data.currency", "\x1b[31m\r\n\u202e\u0085").when_read().malformed(
        'but is "\\u001b[31m\\u000d\\u000a\\u202e\\u0085"'
    )
    message = given("order.placed.v1").with_("data.currency", "\ud800").with_("data.reference", "x\udfff").message
    reason = Then(read_cloud_event(message, 300, RECEIVED_AT, LIVE)).malformed('but is "\\ud800"', "single surrogates")
    assert reason.encode()


def test_the_longest_problems_still_make_a_reason_of_at_most_500_characters() -> None:
    broken = given("order.placed.v1")
    for name in ("account_id", "rep_id", "segment", "channel", "currency", "promised_by"):
        broken = broken.with_(f"data.{name}", "\u202e" * 5000)

    broken.when_read().malformed("; and 3 more")


# -- attributes that someone else decoded --------------------------------------------------------


@pytest.mark.parametrize("kind", [dict, MappingProxyType])
def test_decoded_attributes_are_read_the_same_way(kind: type[Mapping[str, Any]]) -> None:
    message = given("order.placed.v1")
    attributes = kind(message.message)  # type: ignore[call-arg]

    found = read_cloud_event(attributes, len(message.raw()), RECEIVED_AT, LIVE)

    assert isinstance(found, WellFormed)
    assert found == message.when_read().well_formed()


@pytest.mark.parametrize("item", [None, [], "{}", 1, True])
def test_an_item_of_a_batch_that_is_no_object_is_malformed(item: Any) -> None:
    Then(read_cloud_event(item, 10, RECEIVED_AT, LIVE)).malformed("message: must be a JSON object, but is ")


def test_the_message_itself_is_left_as_it_was() -> None:
    message = given("order.placed.v1").with_("data.unheard_of", [1])
    before = message.raw()

    read_cloud_event(message.message, len(before), RECEIVED_AT, LIVE)

    assert Given(message.message).raw() == before


def test_a_value_that_is_framed_for_a_schema_registry_is_named_so() -> None:
    when_read(b"\0\0\0\1\x2c" + given("order.placed.v1").raw()).malformed(
        "message: must be JSON, but is framed for a schema registry (magic byte 0, schema id 300)"
    )
