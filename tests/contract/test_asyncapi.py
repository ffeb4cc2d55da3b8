"""The AsyncAPI document: five channels, every message, in both modes of Kafka."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from consumers.contract import CATALOGUE, TOPIC_OF_TYPE, TOPICS, WellFormed, asyncapi_document, read_cloud_event
from tests.contract.scenario import LIVE, RECEIVED_AT, when_read

DOCUMENT = asyncapi_document()
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]

OFFICIAL = "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
LOCAL = Path(__file__).parents[2] / ".local"


def follow(ref: str) -> Any:
    """What a reference within the document points at."""
    assert ref.startswith("#/"), ref
    found: Any = DOCUMENT
    for step in ref[2:].split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def refs_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from refs_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from refs_in(inner)


def payload_validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({**DOCUMENT, "$ref": f"#/components/messages/{name}/payload"})


def test_the_official_schema_finds_nothing_wrong() -> None:
    found = next((path for path in (LOCAL / OFFICIAL, *LOCAL.glob(f"*/{OFFICIAL}")) if path.is_file()), None)
    if found is None:
        pytest.skip("needs the schema of AsyncAPI 3.0.0 under .local/node_modules: run `make asyncapi-schema`")
    validator = Draft7Validator(msgspec.json.decode(found.read_bytes()))

    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []
    assert not validator.is_valid({**DOCUMENT, "info": {"title": "without a version"}})


def test_it_is_json_and_has_the_parts_of_an_asyncapi_3_document() -> None:
    assert msgspec.json.decode(msgspec.json.encode(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["title"] == "Waybill"
    assert DOCUMENT["info"]["version"]
    assert DOCUMENT.keys() == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}


def test_every_reference_resolves() -> None:
    refs = list(refs_in(DOCUMENT))

    assert len(refs) > 100
    for ref in refs:
        assert follow(ref)


def test_the_channels_are_the_five_topics() -> None:
    assert tuple(DOCUMENT["channels"]) == TOPICS
    for topic, channel in DOCUMENT["channels"].items():
        assert channel["address"] == topic
        types = {name for name, topics in TOPIC_OF_TYPE.items() if topic in topics}
        assert channel["messages"].keys() == types | {f"{name}.binary" for name in types}
        for name, message in channel["messages"].items():
            assert follow(message["$ref"]) is MESSAGES[name]


def test_every_channel_is_received_from() -> None:
    received = {operation["channel"]["$ref"]: operation for operation in DOCUMENT["operations"].values()}

    assert received.keys() == {f"#/channels/{topic}" for topic in TOPICS}
    for channel, operation in received.items():
        assert operation["action"] == "receive"
        expected = [f"{channel}/messages/{name}" for name in follow(channel)["messages"]]
        assert [message["$ref"] for message in operation["messages"]] == expected


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_it_is(name: str) -> None:
    message = MESSAGES[name]
    (trait,) = [follow(ref) for ref in refs_in(message["traits"])]

    assert message["name"] == name.removesuffix(".binary")
    assert message["title"]
    assert message["summary"]
    assert trait["bindings"]["kafka"]["key"]["type"] == "string"
    Draft202012Validator.check_schema(message["payload"])
    assert len(message["examples"]) == 1


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_a_structured_message_is_the_whole_event(message_type: str) -> None:
    message = MESSAGES[message_type]
    payload = message["examples"][0]["payload"]

    assert message["contentType"] == "application/cloudevents+json"
    payload_validator(message_type).validate(payload)
    assert when_read(msgspec.json.encode(payload)).well_formed().type == message_type


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_a_binary_message_has_the_envelope_in_its_headers(message_type: str) -> None:
    message = MESSAGES[f"{message_type}.binary"]
    headers, payload = message["examples"][0]["headers"], message["examples"][0]["payload"]
    trait = follow(message["traits"][0]["$ref"])

    payload_validator(f"{message_type}.binary").validate(payload)
    Draft202012Validator({**DOCUMENT, "allOf": [trait["headers"], message["headers"]]}).validate(headers)
    assert set(trait["headers"]["required"]) <= headers.keys() <= trait["headers"]["properties"].keys()
    assert message["contentType"] == headers["content-type"] == "application/json"
    attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    found = read_cloud_event({**attributes, "data": payload}, 300, RECEIVED_AT, LIVE)
    assert isinstance(found, WellFormed)
    structured = msgspec.json.encode(MESSAGES[message_type]["examples"][0]["payload"])
    assert found == when_read(structured).well_formed()


def test_two_documents_are_equal_and_apart() -> None:
    other = asyncapi_document()

    assert other == DOCUMENT
    other["components"]["schemas"].clear()
    assert asyncapi_document() == DOCUMENT
