"""The contract with upstream systems: message models, reading, and writing back."""

from consumers.contract.asyncapi import asyncapi_document
from consumers.contract.catalogue import CATALOGUE, OWN_TYPES, TOPIC_OF_TYPE, TOPICS, MessageType
from consumers.contract.examples import EXAMPLES
from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.kafka_records import read_record
from consumers.contract.reading import (
    Malformed,
    ReadingRules,
    WellFormed,
    read_cloud_event,
    read_message,
    too_large,
)
from consumers.contract.schema import message_schema
from consumers.contract.writing import to_cloud_event

__all__ = [
    "CATALOGUE",
    "EXAMPLES",
    "OWN_TYPES",
    "TOPICS",
    "TOPIC_OF_TYPE",
    "Malformed",
    "MessageType",
    "ReadingRules",
    "Unreadable",
    "WellFormed",
    "asyncapi_document",
    "decode_json",
    "message_schema",
    "read_cloud_event",
    "read_message",
    "read_record",
    "to_cloud_event",
    "too_large",
]
