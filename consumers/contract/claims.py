"""The claims of a malformed message: its attributes, as far as they can be read."""

import json
from datetime import datetime
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.kafka_records import ATTRIBUTE_PREFIX, Headers
from consumers.contract.values import check_id, check_instant


class Claimed(NamedTuple):
    """The readable attributes; None for each that could not be read. `time` is in UTC."""

    source: str | None = None
    id: str | None = None
    subject: str | None = None
    type: str | None = None
    time: datetime | None = None


def claimed_by(body: bytes, headers: Headers) -> Claimed:
    """Read the claims from headers in Kafka's binary mode, else from JSON. Nothing is raised for any bytes."""
    attributes: dict[str, object] = {
        name.removeprefix(ATTRIBUTE_PREFIX): content for name, content in headers if name.startswith(ATTRIBUTE_PREFIX)
    }
    if not attributes:
        document = _document(body)
        attributes = document if isinstance(document, dict) else {}
    source, message_id, subject, message_type = (_id(attributes.get(name)) for name in Claimed._fields[:-1])
    return Claimed(source, message_id, subject, message_type, _instant(attributes.get("time")))


def _document(body: bytes) -> object:
    """JSON whatever its numbers, of which no claim is one; None for other bytes."""
    try:
        return decode_json(body)
    except Unreadable:
        pass
    try:
        return json.loads(body, parse_float=_no_claim, parse_int=_no_claim, parse_constant=_no_claim)
    except (ValueError, RecursionError):
        return None


def _no_claim(number: str) -> None:
    """A number is no id."""


def _id(value: object) -> str | None:
    try:
        return check_id(_decoded(value))
    except PydanticCustomError:
        return None


def _instant(value: object) -> datetime | None:
    try:
        return check_instant(_decoded(value))
    except PydanticCustomError:
        return None


def _decoded(value: object) -> object:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
