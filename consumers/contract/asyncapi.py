"""The contract as an AsyncAPI 3.0.0 document, generated from the models that read the messages.

Every message type appears twice, because the two content modes of CloudEvents in Kafka differ in headers and value:
"order.placed.v1" is structured JSON (also a line of a file), "order.placed.v1.binary" has the envelope in `ce_` headers
and only the data as its value.
"""

from collections.abc import Mapping
from typing import Any

from consumers.contract.catalogue import CATALOGUE, TOPICS, MessageType
from consumers.contract.examples import EXAMPLES
from consumers.contract.named_types import Schema
from consumers.contract.schema import envelope_properties, model_schemas
from consumers.contract_version import CONTRACT_VERSION

ASYNCAPI_VERSION = "3.0.0"
STRUCTURED = "application/cloudevents+json"
BINARY_SUFFIX = ".binary"
HEADER_PREFIX = "ce_"

_ABOUT = """\
The messages that upstream systems (order entry, CRM, carrier feeds, warehouse) publish to Waybill.

Every message is a CloudEvents 1.0 event. It may come late, twice and in any order: `subject`, `source` and `id`
identify it, `time` says when it happened. Any type is taken from any topic; the key is the subject.
Unknown fields are ignored. Money and quantities are decimal strings or JSON numbers of at most 15 digits before the
point, rounded half-even to 6 after it; instants have an offset, and a date alone means the end of that day (for a
pickup, its start)."""

_TOPIC_IN_WORDS = {
    "orders": "Orders placed, amended, reassigned, rescheduled, cancelled and reinstated.",
    "expedites": "Expedite requests, their decisions, and what customers were informed about.",
    "shipments": "Bookings with couriers and in-house shippers, and their progress.",
    "deliveries": "Delivery attempts, confirmations and returns, and what carriers say about parcels.",
    "people": "Reps, accounts and their contacts, and standing orders.",
}


def asyncapi_document() -> dict[str, Any]:
    """The whole document, ready for JSON; every $ref in it resolves within it."""
    schemas = model_schemas([row.data for row in CATALOGUE.values()], "#/components/schemas/{model}")
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": "Waybill", "version": CONTRACT_VERSION, "description": _ABOUT},
        "defaultContentType": STRUCTURED,
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {f"take_{topic}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": _messages(schemas),
            "messageTraits": {"structured": _structured_trait(), "binary": _binary_trait(envelope_properties(schemas))},
            "schemas": schemas,
        },
    }


def _names_on(topic: str) -> list[str]:
    types = [row.name for row in CATALOGUE.values() if topic in row.topics]
    return types + [name + BINARY_SUFFIX for name in types]


def _channel(topic: str) -> dict[str, Any]:
    return {
        "address": topic,
        "title": topic.capitalize(),
        "description": f"{_TOPIC_IN_WORDS[topic]} An installation may put a prefix before the topic's name.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names_on(topic)},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _operation(topic: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"Receive the messages of upstream systems on {topic}.",
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in _names_on(topic)],
    }


def _messages(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    rows = CATALOGUE.values()
    attributes = envelope_properties(schemas)
    return {row.name: _structured(row) for row in rows} | {
        row.name + BINARY_SUFFIX: _binary(row, attributes) for row in rows
    }


def _described(row: MessageType) -> dict[str, Any]:
    return {"name": row.name, "title": row.data.__name__.removesuffix("Data"), "summary": row.data.__doc__}


def _structured(row: MessageType) -> dict[str, Any]:
    return {
        **_described(row),
        "contentType": STRUCTURED,
        "traits": [{"$ref": "#/components/messageTraits/structured"}],
        "payload": {
            "title": row.data.__name__.removesuffix("Data"),
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": row.name},
                        "data": {"$ref": f"#/components/schemas/{row.data.__name__}"},
                    },
                    "required": ["data"],
                },
            ],
        },
        "examples": [{"name": "structured", "payload": EXAMPLES[row.name]}],
    }


def _binary(row: MessageType, attributes: Mapping[str, Schema]) -> dict[str, Any]:
    example = EXAMPLES[row.name]
    headers = {
        HEADER_PREFIX + name: example[name] for name in attributes if name in example and name != _IN_CONTENT_TYPE
    }
    return {
        **_described(row),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/binary"}],
        "headers": {"type": "object", "properties": {f"{HEADER_PREFIX}type": {"const": row.name}}},
        "payload": {"$ref": f"#/components/schemas/{row.data.__name__}"},
        "examples": [
            {
                "name": "binary",
                "headers": {"content-type": example[_IN_CONTENT_TYPE], **headers},
                "payload": example["data"],
            }
        ],
    }


_IN_CONTENT_TYPE = "datacontenttype"  # binary mode has this attribute in a header with another name

_KEYED_BY_SUBJECT = {
    "kafka": {
        "key": {
            "type": "string",
            "description": "The subject: an order's, rep's, account's or other id.",
        },
        "bindingVersion": "0.5.0",
    }
}


def _structured_trait() -> dict[str, Any]:
    return {
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {
                    "type": "string",
                    "pattern": r"^application/cloudevents\+json",
                    "description": "Distinguishes structured JSON from binary mode.",
                }
            },
        },
        "correlationId": {
            "description": "The conversation or process that the message belongs to.",
            "location": "$message.payload#/correlationid",
        },
        "bindings": _KEYED_BY_SUBJECT,
    }


def _binary_trait(attributes: Mapping[str, Schema]) -> dict[str, Any]:
    headers = {HEADER_PREFIX + name: schema for name, schema in attributes.items() if name != _IN_CONTENT_TYPE}
    required = ("specversion", "id", "source", "type", "time", "subject")
    return {
        "headers": {
            "type": "object",
            "properties": {"content-type": attributes[_IN_CONTENT_TYPE], **headers},
            "required": [HEADER_PREFIX + name for name in required],
        },
        "correlationId": {
            "description": "The conversation or process that the message belongs to.",
            "location": f"$message.header#/{HEADER_PREFIX}correlationid",
        },
        "bindings": _KEYED_BY_SUBJECT,
    }
