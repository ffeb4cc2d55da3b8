"""CloudEvents as SDKs send them and as the specification describes them."""

import json
from base64 import b64encode
from typing import Any

import pytest

from consumers.contract import EXAMPLES, WellFormed, read_record
from consumers.contract.kafka_records import Headers
from tests.contract.scenario import LIVE, RECEIVED_AT, Then, given
from tests.contract.sdk_messages import SdkMessage, sdk_messages

PLACED = EXAMPLES["order.placed.v1"]
SDK_MESSAGES = list(sdk_messages())


def when_record_read(value: bytes, headers: Headers = ()) -> Then:
    return Then(read_record(value, headers, RECEIVED_AT, LIVE))


def binary(*more: tuple[str, bytes], content_type: bytes | None = b"application/json") -> Then:
    attributes = {name: value for name, value in PLACED.items() if name not in ("data", "datacontenttype")}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    if content_type is not None:
        headers.append(("content-type", content_type))
    return when_record_read(json.dumps(PLACED["data"]).encode(), (*headers, *more))


# -- the SDK -------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", SDK_MESSAGES, ids=[message.name for message in SDK_MESSAGES])
def test_what_the_official_sdk_sends_is_taken(message: SdkMessage) -> None:
    expected = given("order.placed.v1").when_read().fact()

    found = when_record_read(message.value, message.headers).well_formed()

    assert found.subject.startswith("SO ")
    assert found.fact.says_the_same_as(expected)
    assert found.fact.occurred_at == expected.occurred_at
    assert found.ignored == ()


# -- data as bytes -------------------------------------------------------------------------------


def with_base64(content: bytes | str) -> Then:
    encoded = content if isinstance(content, str) else b64encode(content).decode()
    return given("order.placed.v1").without("data").with_("data_base64", encoded).when_read()


def test_data_base64_holds_the_json_of_the_data() -> None:
    assert with_base64(json.dumps(PLACED["data"]).encode()).fact() == given("order.placed.v1").when_read().fact()


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        ("not base64!", "data_base64: must be base64, but is "),
        ("ä", "data_base64: must be base64, but is "),
        (b"", "data_base64: its content must be JSON"),
        (b"{", "data_base64: its content must be JSON"),
        (b"\xff", "data_base64: its content must be UTF-8"),
        (b"[]", "data: must be an object, but is a list"),
        (b"{}", "data.segment: must be given, but is missing"),
    ],
)
def test_data_base64_that_holds_no_data_is_malformed(content: bytes | str, saying: str) -> None:
    with_base64(content).malformed(saying)


def test_data_stand_in_one_place() -> None:
    both = given("order.placed.v1").with_("data_base64", b64encode(b"{}").decode())

    both.when_read().malformed("data_base64: must be absent where data are given")
    assert both.with_("data_base64", None).when_read().well_formed()
    given("order.placed.v1").without("data").with_("data_base64", 7).when_read().malformed("data_base64: must be JSON")


def test_unknown_attributes_of_a_message_in_bytes_are_ignored_and_named() -> None:
    content = json.dumps({**PLACED["data"], "discount_code": "SPRING"}).encode()

    assert with_base64(content).well_formed().ignored == ("discount_code",)


# -- the media type ------------------------------------------------------------------------------


@pytest.mark.parametrize("good", ["text/json", "application/json", "image/JSON", "a/b+json", "x.y/z+Json; v=1"])
def test_every_media_type_of_json_is_taken(good: str) -> None:
    assert given("order.placed.v1").with_("datacontenttype", good).when_read().well_formed()
    assert binary(content_type=good.encode()).well_formed()


def test_the_content_type_wins_over_an_equal_or_missing_attribute() -> None:
    said_again = ("ce_datacontenttype", b"Application/JSON; charset=utf-8")

    assert binary().well_formed()
    assert binary(said_again).well_formed()
    assert binary(said_again, content_type=None).well_formed()


def test_a_content_type_and_an_attribute_that_differ_are_malformed() -> None:
    binary(("ce_datacontenttype", b"text/json")).malformed(
        'ce_datacontenttype: must be that of the header content-type, "application/json", but is "text/json"'
    )


def test_extensions_are_ignored_without_a_word() -> None:
    for extension in ("partitionkey", "sequence", "dataschema", "sampledrate", "data_ref"):
        for value in ("x", 7, True, None):
            found = given("order.placed.v1").with_(extension, value).when_read().well_formed()
            assert found.ignored == ()
    assert binary(("ce_dataref", b"x"), ("unheard-of", b"\xff")).well_formed()


# -- what the specification describes ------------------------------------------------------------


def by_the_specification() -> list[tuple[str, dict[str, Any]]]:
    """Events as CloudEvents 1.0 describes them, of a type of the contract."""
    required = {name: PLACED[name] for name in ("specversion", "id", "source", "type", "subject", "time", "data")}
    return [
        ("with the required attributes alone", required),
        ("with a URI as its source", {**required, "source": "https://example.com/orders?desk=7#new"}),
        ("with a URN as its source", {**required, "source": "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"}),
        ("with a path as its source", {**required, "source": "/desks/7/orders"}),
        ("with an id that is a counter", {**required, "id": "0000-1111"}),
        ("with fractions of a second and an offset", {**required, "time": "2026-03-02T08:14:05.000000001-00:30"}),
        ("with a schema of its data", {**required, "dataschema": "https://example.com/schemas/order/1"}),
        ("with the media type of its data", {**required, "datacontenttype": "application/json"}),
        ("with extensions of every type", {**required, "abool": True, "anint": 42, "astring": "x", "abinary": "AQID"}),
        ("with distributed tracing", {**required, "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}),
        ("with the time at which it was recorded", {**required, "recordedtime": "2026-03-02T08:15:00Z"}),
    ]


@pytest.mark.parametrize(("name", "event"), by_the_specification())
def test_an_event_by_the_specification_is_taken(name: str, event: dict[str, Any]) -> None:
    encoded = json.dumps(event).encode()

    for headers in ((), (("content-type", b"application/cloudevents+json; charset=UTF-8"),)):
        assert isinstance(when_record_read(encoded, headers).found, WellFormed), name


@pytest.mark.parametrize("content_type", [b"application/cloudevents-batch+json", b"application/cloudevents+avro"])
def test_a_record_is_one_event_in_json(content_type: bytes) -> None:
    when_record_read(b"[]", (("content-type", content_type),)).malformed(
        "content-type: must be application/cloudevents+json, but is "
    )
