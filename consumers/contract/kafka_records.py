"""CloudEvents in Kafka: the whole event in the value (structured), or its attributes in `ce_` headers (binary)."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from consumers.contract.data_base64 import BASE64
from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.problems import problem, reason_for, shown
from consumers.contract.reading import Malformed, ReadingRules, WellFormed, read_cloud_event, read_message

Headers = tuple[tuple[str, bytes], ...]

CONTENT_TYPE = "content-type"
ATTRIBUTE_PREFIX = "ce_"
DATA_CONTENT_TYPE = "datacontenttype"
CLOUD_EVENTS = "application/cloudevents"
STRUCTURED = "application/cloudevents+json"
TRACE_CONTEXT = "traceparent"
is_trace_context = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


def read_record(value: bytes, headers: Headers, received_at: datetime, rules: ReadingRules) -> WellFormed | Malformed:
    """Read one raw message: a line of a file has no headers, a Kafka record may have some.

    `received_at` is the service's clock on receipt, an aware datetime in UTC. Nothing is raised for any bytes.
    """
    if not headers:
        return read_message(value, received_at, rules) if value else _empty()
    read = _read_with_headers(value, headers, received_at, rules)
    # Tracing libraries put the trace context into a header of their own, beside any CloudEvent.
    if isinstance(read, WellFormed) and read.fact.traceparent is None and (traced := _trace_context(headers)):
        return msgspec.structs.replace(read, fact=msgspec.structs.replace(read.fact, traceparent=traced))
    return read


def _trace_context(headers: Headers) -> str | None:
    for name, content in headers:
        if name == TRACE_CONTEXT and is_trace_context(content):
            return content.decode()
    return None


def _read_with_headers(
    value: bytes, headers: Headers, received_at: datetime, rules: ReadingRules
) -> WellFormed | Malformed:
    content_types = {content.partition(b";")[0].strip().lower() for content in _content_types(headers)}
    if any(content.startswith(CLOUD_EVENTS.encode()) for content in content_types):
        if content_types != {STRUCTURED.encode()}:
            return Malformed(reason_for([f"{CONTENT_TYPE}: must be {STRUCTURED}, but is {_shown(content_types)}"]))
        return read_message(value, received_at, rules) if value else _empty()
    if any(name.startswith(ATTRIBUTE_PREFIX) for name, _ in headers):
        return _read_binary(value, headers, received_at, rules)
    return read_message(value, received_at, rules) if value else _empty()


def _read_binary(value: bytes, headers: Headers, received_at: datetime, rules: ReadingRules) -> WellFormed | Malformed:
    size = len(value) + sum(len(name) + len(content) for name, content in headers)
    if size > rules.max_bytes:
        return read_cloud_event({}, size, received_at, rules)
    attributes: dict[str, Any] = {}
    problems: list[str] = []
    for name, content in headers:
        attribute = _attribute(name)
        if attribute is None:
            continue
        if attribute in attributes:
            problems.append(problem(name, "must be given once, but is there again"))
        try:
            attributes[attribute] = content.decode()
        except UnicodeDecodeError as error:
            problems.append(problem(name, f"must be UTF-8, but is not at byte {error.start}"))
    problems += _settle_content_type(attributes)
    if value:
        try:
            attributes["data"] = decode_json(value)
        except Unreadable as error:
            problems.append(problem("data", str(error)))
    if problems:
        return Malformed(reason_for(problems))
    return read_cloud_event(attributes, size, received_at, rules)


def _attribute(header: str) -> str | None:
    """The CloudEvents attribute of a header; `data` is none, because the data are the record's value."""
    if header.lower() == CONTENT_TYPE:
        return CONTENT_TYPE
    if not header.startswith(ATTRIBUTE_PREFIX) or header in _NO_ATTRIBUTES:
        return None
    return header.removeprefix(ATTRIBUTE_PREFIX)


_NO_ATTRIBUTES = (f"{ATTRIBUTE_PREFIX}data", f"{ATTRIBUTE_PREFIX}{BASE64}", f"{ATTRIBUTE_PREFIX}{CONTENT_TYPE}")


def _settle_content_type(attributes: dict[str, Any]) -> list[str]:
    """The header `content-type` is the media type of the data; some SDKs repeat it in `ce_datacontenttype`."""
    content_type = attributes.pop(CONTENT_TYPE, None)
    if content_type is None:
        return []
    again = attributes.get(DATA_CONTENT_TYPE, content_type)
    attributes[DATA_CONTENT_TYPE] = content_type
    if _media_type(again) == _media_type(content_type):
        return []
    said = f"must be that of the header {CONTENT_TYPE}, {shown(content_type)}, but is {shown(again)}"
    return [problem(ATTRIBUTE_PREFIX + DATA_CONTENT_TYPE, said)]


def _media_type(content_type: str) -> str:
    """A media type without parameters and in lower case, for comparison."""
    return content_type.partition(";")[0].strip().lower()


def _content_types(headers: Headers) -> Iterable[bytes]:
    return (content for name, content in headers if name.lower() == CONTENT_TYPE)


def _shown(content_types: Iterable[bytes]) -> str:
    return ", ".join(shown(content.decode(errors="replace")) for content in sorted(content_types))


def _empty() -> Malformed:
    return Malformed(
        "message: must be a CloudEvent, but is empty, as what marks a deletion (a tombstone) is; "
        "to take a message back, publish message.voided.v1"
    )
