"""JSON Schemas of the messages, generated from the models that read them."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from consumers.contract.catalogue import CATALOGUE
from consumers.contract.envelope import Envelope
from consumers.contract.named_types import Schema, with_named_types
from consumers.contract.values import WireModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_BEYOND = (
    "Rules that a schema cannot express: a message has at most 1 MiB (or what the installation sets); no text or "
    "name in it, not even in an ignored field, has NUL or a single surrogate; no number has a huge exponent; "
    'the lines of one message differ in `line` (1 and "1" are one); a time zone is one of the IANA database.'
)
_IN_BYTES = (
    "The data's JSON as base64, instead of `data`, as some SDKs write it. A schema cannot check it; it must have the "
    "content of `data`."
)


class _Plain(GenerateJsonSchema):
    """Without titles from field names and without defaults: descriptions say what an absent field means."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def message_schema(message_type: str) -> Schema:
    """The JSON Schema (draft 2020-12) of one message in structured JSON, complete in itself.

    A message that fits it is well-formed, except for rules that a schema cannot express, which are in its description.
    The reader accepts more, such as decimals with exponents. Raises KeyError for an unknown type.
    """
    row = CATALOGUE[message_type]
    schemas = model_schemas([row.data], "#/$defs/{model}")
    envelope = schemas.pop("CloudEvent")
    return {
        "$schema": DIALECT,
        "title": message_type,
        "description": f"{row.data.__doc__} {_BEYOND}",
        "type": "object",
        "properties": {
            **envelope["properties"],
            "type": {"const": message_type, "description": envelope["properties"]["type"]["description"]},
            "data": {"$ref": f"#/$defs/{row.data.__name__}", "description": "What the message says."},
            "data_base64": {"not": {}, "description": _IN_BYTES},
        },
        "required": [*envelope["required"], "data"],
        "$defs": schemas,
    }


def model_schemas(models: list[type[WireModel]], ref_template: str) -> dict[str, Schema]:
    """The schemas of these models and everything they refer to, by name, and of the envelope as "CloudEvent".

    `ref_template` is the location of the schemas, such as "#/$defs/{model}".
    """
    every: list[type[WireModel]] = [Envelope, *models]
    _, found = models_json_schema(
        [(model, "validation") for model in every],
        ref_template=ref_template,
        schema_generator=_Plain,
    )
    schemas: dict[str, Schema] = deepcopy(found["$defs"])
    envelope = schemas.pop(Envelope.__name__)
    del envelope["properties"]["data"]
    envelope["required"].remove("data")
    schemas.pop(WireModel.__name__)
    found_types = with_named_types({"CloudEvent": {**envelope, "title": "CloudEvent"}, **schemas}, ref_template)
    # Each message narrows its type to a constant. Generators of code would narrow every id if it were a reference.
    found_types["CloudEvent"]["properties"]["type"] = envelope["properties"]["type"]
    return found_types


def envelope_properties(schemas: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """The envelope's attributes except the data, by their CloudEvents names."""
    properties: Mapping[str, Schema] = schemas["CloudEvent"]["properties"]
    return properties
