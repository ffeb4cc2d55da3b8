"""The AsyncAPI document of all that is taken and told: the contract's, and what the relay sends."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from consumers.contract import CATALOGUE, OWN_TYPES, TOPICS, asyncapi_document
from consumers.ingest.register import MessageKey
from consumers.relay.asyncapi import whole_document
from consumers.relay.identity import fact_id
from tests.contract.test_asyncapi import LOCAL, OFFICIAL, refs_in
from tests.follower import PAGE

CONTRACT = asyncapi_document()
DOCUMENT = whole_document()
OURS = {name: said for name, said in DOCUMENT["components"]["messages"].items() if name not in
        CONTRACT["components"]["messages"]}  # fmt: skip


def follow(ref: str) -> Any:
    found: Any = DOCUMENT
    for step in ref.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_official_schema_finds_nothing_wrong() -> None:
    found = next((path for path in (LOCAL / OFFICIAL, *LOCAL.glob(f"*/{OFFICIAL}")) if path.is_file()), None)
    if found is None:
        pytest.skip("needs the schema of AsyncAPI 3.0.0 under .local/node_modules: run `make asyncapi-schema`")
    validator = Draft7Validator(msgspec.json.decode(found.read_bytes()))
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []


def test_it_contains_the_contract_unchanged() -> None:
    for part in ("channels", "operations"):
        assert CONTRACT[part].items() <= DOCUMENT[part].items()
    for part, said in CONTRACT["components"].items():
        assert said.items() <= DOCUMENT["components"][part].items()


def test_every_reference_resolves() -> None:
    for ref in refs_in(DOCUMENT):
        assert follow(ref)


def test_what_the_relay_sends_has_channels_of_its_own() -> None:
    sent = {name: said for name, said in DOCUMENT["operations"].items() if said["action"] == "send"}
    channels = [follow(operation["channel"]["$ref"]) for operation in sent.values()]

    assert [channel["address"] for channel in channels] == ["waybill.events", "waybill.verdicts", "{topic}.dead"]
    assert DOCUMENT["channels"]["dead"]["parameters"]["topic"]["enum"] == list(TOPICS)
    assert {name for channel in channels for name in channel["messages"]} == OURS.keys()
    assert {f"{name}.in-effect" for name in [*CATALOGUE, *OWN_TYPES]} < OURS.keys()
    for operation, channel in zip(sent.values(), channels, strict=True):
        assert [follow(message["$ref"]) for message in operation["messages"]] == [
            {"$ref": f"#/components/messages/{name}"} for name in channel["messages"]
        ]


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"dead"}))
def test_the_example_is_what_its_schema_says(name: str) -> None:
    (example,) = OURS[name]["examples"]
    validator = Draft202012Validator({**DOCUMENT, "$ref": f"#/components/messages/{name}/payload"})

    validator.validate(example["payload"])

    assert example["payload"]["type"] == OURS[name]["name"]
    for required in ("id", "source", "time", "data"):
        assert not validator.is_valid(
            {said: example["payload"][said] for said in example["payload"].keys() - {required}}
        )


@pytest.mark.parametrize(
    "shown", [msgspec.json.decode(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.S)]
)
def test_what_the_page_of_the_relay_shows_fits_its_schema(shown: dict[str, Any]) -> None:
    name = shown["type"] if shown["type"].startswith("waybill.") else f"{shown['type']}.in-effect"
    Draft202012Validator({**DOCUMENT, "$ref": f"#/components/messages/{name}/payload"}).validate(shown)
    fact = fact_id(MessageKey("northline", "NL-1", "SO-10248"))
    assert shown["factid"] == fact
    assert shown["id"].startswith(fact) or shown["type"].startswith("waybill.verdict.")


def schemas_in(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every schema of the document with its path; the values of "properties" are schemas, its keys are names."""
    if isinstance(part, dict):
        yield path, part
        for key, value in part.items():
            if key != "examples":
                yield from schemas_in(value, (*path, key))
    elif isinstance(part, list):
        for each in part:
            yield from schemas_in(each, (*path, "[]"))


def test_every_schema_and_payload_has_a_title() -> None:
    components = DOCUMENT["components"]
    for name, schema in components["schemas"].items():
        assert schema["title"] == name
        assert schema["description"], name
    titles = [
        message["payload"]["title"] for message in components["messages"].values() if "$ref" not in message["payload"]
    ]
    assert len(titles) == len(set(titles))
    assert not set(titles) & components["schemas"].keys()


def test_every_enumeration_is_a_named_schema() -> None:
    """Elsewhere it is referred to: programs that write code from the document give each one name."""
    inline = [
        path
        for path, schema in schemas_in(DOCUMENT)
        if isinstance(schema.get("enum"), list) and path[:-1] != ("components", "schemas") and "parameters" not in path
    ]
    named = {name for name, schema in DOCUMENT["components"]["schemas"].items() if "enum" in schema}

    assert inline == []
    assert named >= {"Segment", "Channel", "Mode", "LineKind", "Level", "Currency", "Verdict"}


def test_objects_and_their_alternatives_are_named() -> None:
    for path, schema in schemas_in(DOCUMENT["components"]["schemas"]):
        if len(path) > 1 and path[-2] in ("properties", "items", "anyOf") and schema.get("type") == "object":
            pytest.fail(f"{'.'.join(path)} is an object without a name")
        for option in schema.get("oneOf", ()):
            assert option["title"], path
