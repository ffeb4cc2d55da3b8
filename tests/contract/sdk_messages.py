"""One order as the official CloudEvents SDK for Python sends it: every binding to Kafka, every encoding of the data."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cloudevents.core.bindings import http as http_binding
from cloudevents.core.bindings import kafka as kafka_binding
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_structured as former_http_structured
from cloudevents.v1.http import CloudEvent as FormerCloudEvent
from cloudevents.v1.kafka import to_binary as former_binary
from cloudevents.v1.kafka import to_structured as former_structured

from consumers.contract import EXAMPLES

DATA: dict[str, Any] = EXAMPLES["order.placed.v1"]["data"]
ENCODINGS: dict[str, dict[str, Any] | bytes] = {"an object": DATA, "bytes": json.dumps(DATA).encode()}
CONTENT_TYPES = (None, "application/json", "application/json; charset=utf-8", "text/json", "application/vnd.desk+json")


class SdkMessage(NamedTuple):
    """A record's value and headers as the SDK made them; a line of a file has no headers."""

    name: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def sdk_messages() -> Iterator[SdkMessage]:
    for content_type in CONTENT_TYPES:
        for encoding, data in ENCODINGS.items():
            name = f"{content_type} from {encoding}"
            attributes = _attributes(name, content_type)
            event = CloudEvent({**attributes, "time": datetime(2026, 3, 2, 8, 14, 5, tzinfo=UTC)}, data)
            for binding in ("structured", "binary"):
                message = getattr(kafka_binding, f"to_{binding}")(event, JSONFormat())
                yield SdkMessage(f"{binding}, {name}", message.value, tuple(message.headers.items()))
            yield SdkMessage(f"body, {name}", http_binding.to_structured(event, JSONFormat()).body, ())
            if content_type is not None:
                yield from _former(name, FormerCloudEvent({**attributes, "time": "2026-03-02T08:14:05+00:00"}, data))


def _former(name: str, event: FormerCloudEvent) -> Iterator[SdkMessage]:
    """By the SDK's bindings of before, which many still use."""
    structured = former_structured(event)
    yield SdkMessage(f"former structured, {name}", _bytes(structured.value), tuple(structured.headers.items()))
    _, body = former_http_structured(event)
    yield SdkMessage(f"former body, {name}", body, ())
    given_bytes = isinstance(event.get_data(), bytes)
    binary = former_binary(event, (lambda data: data) if given_bytes else None)
    yield SdkMessage(f"former binary, {name}", _bytes(binary.value), tuple(binary.headers.items()))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _attributes(name: str, content_type: str | None) -> dict[str, Any]:
    said = {
        "specversion": "1.0",
        "id": name,
        "source": "order-entry",
        "type": "order.placed.v1",
        "subject": f"SO {name}",
        "dataschema": "https://example.com/order.json",
        "partitionkey": "SO-10248",
        "sequence": "7",
    }
    return said if content_type is None else {**said, "datacontenttype": content_type}
