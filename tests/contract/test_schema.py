"""The JSON Schemas say what the reader takes."""

import json
import re
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given as for_all
from jsonschema import Draft202012Validator
from pydantic import Field, TypeAdapter

from consumers.contract import CATALOGUE, EXAMPLES, message_schema, to_cloud_event
from consumers.contract.named_types import NAMED_TYPES
from domain.fact import Fact
from tests.contract.scenario import given
from tests.contract.strategies import facts
from tests.contract.test_absent_and_null import REQUIRED

VALIDATORS = {message_type: Draft202012Validator(message_schema(message_type)) for message_type in CATALOGUE}

# What the reader refuses and a schema can say. (That lines differ and the names of time zones it cannot.)
WRONG: list[tuple[str, str, Any]] = [
    ("order.placed.v1", "specversion", "0.3"),
    ("order.placed.v1", "type", "order.placed.v2"),
    ("order.placed.v1", "id", ""),
    ("order.placed.v1", "source", "x" * 201),
    ("order.placed.v1", "subject", "SO\n1"),
    ("order.placed.v1", "time", "2026-03-01T09:00:00"),
    ("order.placed.v1", "datacontenttype", "text/plain"),
    ("order.placed.v1", "recordedtime", "yesterday"),
    ("order.placed.v1", "data", []),
    ("order.placed.v1", "data.segment", "b3b"),
    ("order.placed.v1", "data.channel", "fax"),
    ("order.placed.v1", "data.currency", "eur"),
    ("order.placed.v1", "data.reference", "a\0b"),
    ("order.placed.v1", "data.lines", []),
    ("order.placed.v1", "data.lines", None),
    ("order.placed.v1", "data.lines[0].line", -1),
    ("order.placed.v1", "data.lines[0].line", 10**18 + 1),
    ("order.placed.v1", "data.lines[0].line", 1.5),
    ("order.placed.v1", "data.lines[0].line", ""),
    ("order.placed.v1", "data.lines[0].line", True),
    ("order.placed.v1", "data.lines", [{"line": 1, "quantity": "0.00", "unit_price": 1}]),
    ("order.placed.v1", "data.lines", [{"line": 1, "quantity": 0, "unit_price": 1}]),
    ("order.placed.v1", "data.lines", [{"line": 1, "quantity": "0.0000004", "unit_price": 1}]),
    ("order.placed.v1", "data.lines", [{"line": 1, "quantity": 1, "unit_price": 1, "kind": "charge"}]),
    ("order.placed.v1", "data.lines", [{"line": 1, "quantity": 1, "unit_price": -1, "kind": None}]),
    ("order.placed.v1", "data.lines[0].quantity", "-1"),
    ("order.placed.v1", "data.lines[0].quantity", "1_000"),
    ("order.placed.v1", "data.lines[0].quantity", True),
    ("order.placed.v1", "data.lines[0].unit_price", "-1"),
    ("order.placed.v1", "data.lines[0].unit_price", "1000000000000000"),
    ("order.placed.v1", "data.lines[0].unit_price", 10**15),
    ("order.placed.v1", "data.lines[0].unit_price", "999999999999999.9999999"),
    ("order.placed.v1", "data.promised_by", "2026-02-29"),
    ("order.placed.v1", "data.promised_by", "2026-02-29T09:00:00Z"),
    ("order.placed.v1", "data.promised_by", "2026-03-01\n"),
    ("order.placed.v1", "time", "2026-03-01"),
    ("order.placed.v1", "time", "0001-01-01T00:00:00+01:00"),
    ("order.placed.v1", "time", "9999-12-31T23:00:00-01:00"),
    ("order.placed.v1", "subject", "SO-1\n"),
    ("order.placed.v1", "subject", "SO\ufdd0"),
    ("order.placed.v1", "subject", "SO\U0010ffff"),
    ("order.placed.v1", "data_base64", "e30="),
    ("shipment.booked.v1", "data.parcels", [""]),
    ("delivery.returned.v1", "data.replace", "yes"),
    ("shipment.rebooked.v1", "data.carrier", None),
    ("shipment.rebooked.v1", "data.mode", None),
    ("rep.changed.v1", "data.name", None),
    ("rep.changed.v1", "data.level", None),
    ("rep.changed.v1", "data", {}),
    ("rep.quota_set.v1", "data.month", "2026-13"),
    ("rep.quota_set.v1", "data.growth_percent", "5"),
    ("rep.quota_set.v1", "data.target_amount", None),
    ("rep.pay_plan_set.v1", "data.commission_percent", -(10**15)),
]


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_a_schema_is_one_by_its_own_rules(message_type: str) -> None:
    schema = message_schema(message_type)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_the_example_of_a_type_fits_its_schema_and_no_other(message_type: str) -> None:
    for other, validator in VALIDATORS.items():
        assert validator.is_valid(EXAMPLES[message_type]) == (other == message_type)


@for_all(fact=facts)
def test_what_is_written_back_fits_its_schema(fact: Fact) -> None:
    VALIDATORS[fact.TYPE].validate(to_cloud_event(fact, "S-1"))


@pytest.mark.parametrize(("message_type", "path", "value"), WRONG)
def test_what_the_reader_refuses_the_schema_refuses(message_type: str, path: str, value: Any) -> None:
    message = given(message_type).with_(path, value)

    message.when_read().malformed()
    assert not VALIDATORS[message_type].is_valid(message.message)


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_reader_and_schema_require_the_same(message_type: str) -> None:
    attributes = ("specversion", "id", "source", "type", "time", "subject", "data")
    for path in (*attributes, *(f"data.{name}" for name in REQUIRED[message_type])):
        message = given(message_type).without(path)
        message.when_read().malformed()
        assert not VALIDATORS[message_type].is_valid(message.message)


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_unknown_fields_fit_the_schema(message_type: str) -> None:
    message = given(message_type).with_("data.unheard_of", 1).with_("partitionkey", "7").message

    VALIDATORS[message_type].validate(message)


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_every_field_is_documented(message_type: str) -> None:
    schema = message_schema(message_type)
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        for name, field in part.get("properties", {}).items():
            assert field.get("description"), name
    assert all("properties" in schema["$defs"][name] for name in schema["$defs"] if name.endswith("Data"))


def test_a_type_that_upstreams_cannot_publish_has_no_schema() -> None:
    with pytest.raises(KeyError):
        message_schema("standing_order.missed.v1")


def test_generated_code_can_compile_every_pattern() -> None:
    # Generators for pydantic leave a pattern without lookaround to the Rust engine, which has no surrogates.
    patterns = {json.loads(found) for found in re.findall(r'"pattern":\s*("(?:[^"\\]|\\.)*")', json.dumps(NAMED_TYPES))}

    for pattern in patterns:
        if not re.search(r"\(\?<?[!=]", pattern):
            TypeAdapter(Annotated[str, Field(pattern=pattern)])
    assert patterns
