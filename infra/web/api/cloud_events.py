"""CloudEvents over HTTP: one event in the body (structured), in headers and body (binary), or several (batched).

Source: HTTP Protocol Binding for CloudEvents, version 1.0.2.
"""

import re
from collections.abc import Sequence
from enum import Enum
from urllib.parse import unquote_to_bytes

from consumers.contract.kafka_records import (
    ATTRIBUTE_PREFIX,
    CLOUD_EVENTS,
    CONTENT_TYPE,
    STRUCTURED,
    TRACE_CONTEXT,
    Headers,
)
from consumers.sources.source import RawMessage
from infra.web.api.bodies import Body
from infra.web.api.json_array import elements_of
from infra.web.problems import Problem

BATCHED = "application/cloudevents-batch+json"
HEADER_PREFIX = "ce-"
MOST_IN_A_BATCH = 10_000
BATCH_TIMES = 4
"""A batch may be so many times as large as one message."""

RawHeaders = Sequence[tuple[bytes, bytes]]
_quoted = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_escaped = re.compile(rb"\\(.)", re.DOTALL)


class Mode(Enum):
    """The content modes."""

    STRUCTURED = "structured"
    BINARY = "binary"
    BATCHED = "batched"


def mode_of(headers: RawHeaders) -> Mode:
    """The content mode of a request. Raises Problem (415).

    A form of another site can send none of these content types, and no header that begins with ce-.
    """
    names = [name for name, _ in headers]
    for name, encoding in headers:
        if name == b"content-encoding" and encoding.strip().lower() != b"identity":
            raise Problem(415, f"content-encoding: must be left out, but is {encoding.decode('latin-1')}")
    content_types = [content for name, content in headers if name == CONTENT_TYPE.encode()]
    media = content_types[0].partition(b";")[0].strip().lower().decode("latin-1") if content_types else ""
    if len(content_types) == 1 and media == STRUCTURED:
        return Mode.STRUCTURED
    if len(content_types) == 1 and media == BATCHED:
        return Mode.BATCHED
    is_json = media.endswith(("/json", "+json")) and not media.startswith(CLOUD_EVENTS)
    if len(content_types) == 1 and is_json and any(name.startswith(HEADER_PREFIX.encode()) for name in names):
        return Mode.BINARY
    raise Problem(
        415,
        f"{CONTENT_TYPE}: must be {STRUCTURED}, {BATCHED}, or application/json with the attributes in {HEADER_PREFIX} "
        f"headers, but is {media or 'missing'}",
        headers={"Accept-Post": f"{STRUCTURED}, {BATCHED}, application/json"},
    )


def message_headers(headers: RawHeaders, mode: Mode) -> Headers:
    """The headers that belong to the message, as a Kafka record has them: the attributes begin with ce_."""
    found: list[tuple[str, bytes]] = []
    for raw_name, content in headers:
        name = raw_name.decode("latin-1")
        if name == TRACE_CONTEXT or (mode is Mode.BINARY and name == CONTENT_TYPE):
            found.append((name, content))
        elif mode is Mode.BINARY and name.startswith(HEADER_PREFIX):
            found.append((ATTRIBUTE_PREFIX + name.removeprefix(HEADER_PREFIX), decoded(content)))
    return tuple(found)


def decoded(content: bytes) -> bytes:
    """A header's value: without the quotes around it, if any, and with its percent-encoded bytes."""
    quoted = _quoted.fullmatch(content)
    if quoted is not None:
        content = _escaped.sub(rb"\1", quoted[1])
    return unquote_to_bytes(content)


def single(body: Body, headers: Headers) -> RawMessage:
    """The message of a request in structured or binary mode."""
    return RawMessage(0, body.content, headers, body.whole)


def batch(body: Body, headers: Headers, max_bytes: int) -> Sequence[RawMessage] | RawMessage:
    """The messages of a batch, each with its own bytes; or, if it is no batch, one message that cannot be read."""
    if body.whole is not None:
        return _unreadable(body, f"must have at most {BATCH_TIMES * max_bytes} bytes, but has {body.whole.size}")
    try:
        messages = elements_of(body.content)
    except ValueError as error:
        return _unreadable(_shortened(body, max_bytes), f"must be a JSON array of CloudEvents, but: {error}")
    if len(messages) > MOST_IN_A_BATCH:
        told = f"must have at most {MOST_IN_A_BATCH} messages, but has {len(messages)}"
        return _unreadable(_shortened(body, max_bytes), told)
    return [RawMessage(0, message, headers) for message in messages]


def _unreadable(body: Body, problem: str) -> RawMessage:
    kept = f"; its beginning is kept, the SHA-256 of all of it is {body.whole.sha256}" if body.whole else ""
    return RawMessage(0, body.content, (), body.whole, unreadable=f"batch: {problem}{kept}")


def _shortened(body: Body, max_bytes: int) -> Body:
    whole = RawMessage(0, body.content).within(max_bytes)
    return Body(whole.body, whole.whole)


def size_of(message: RawMessage) -> int:
    """The size of a message as the contract counts it: in binary mode with its headers."""
    is_binary = any(name.startswith(ATTRIBUTE_PREFIX) for name, _ in message.headers)
    return message.size + (sum(len(name) + len(content) for name, content in message.headers) if is_binary else 0)
