"""A raw message as one JSON document, whether it fits the contract or not: for people who look at it or edit it."""

from typing import Any

import msgspec

from consumers.contract.json_decoding import decode_json
from consumers.contract.kafka_records import ATTRIBUTE_PREFIX, CLOUD_EVENTS, CONTENT_TYPE, Headers

# Numbers stay numbers: a decimal as text would be another JSON document.
_encode = msgspec.json.Encoder(decimal_format="number").encode


def event_document(body: bytes, headers: Headers) -> Any:
    """The event in structured JSON: of Kafka's binary mode, its attributes with the value as `data`.

    Raises consumers.contract.json_decoding.Unreadable for bytes that are not JSON.
    """
    document = decode_json(body) if body else None
    if not _is_binary(headers):
        return document
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): value.decode("utf-8", errors="replace")
        for name, value in headers
        if name.startswith(ATTRIBUTE_PREFIX)
    }
    return attributes if document is None else {**attributes, "data": document}


def encode_document(document: Any) -> bytes:
    """The document as JSON in UTF-8, in one line without its end."""
    return _encode(document)


def _is_binary(headers: Headers) -> bool:
    content_types = (value for name, value in headers if name.lower() == CONTENT_TYPE)
    if any(value.strip().lower().startswith(CLOUD_EVENTS.encode()) for value in content_types):
        return False
    return any(name.startswith(ATTRIBUTE_PREFIX) for name, _ in headers)
