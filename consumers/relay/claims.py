"""What a malformed message says that it is: enough to tell its sender, as far as it can be read."""

from typing import NamedTuple

from consumers.contract import Unreadable, decode_json
from consumers.contract.records import ATTRIBUTE_PREFIX, Headers
from consumers.contract.wire import MAX_ID_LENGTH


class Claimed(NamedTuple):
    """Attributes that could be read; None for each that could not. None of them was checked."""

    source: str | None = None
    id: str | None = None
    subject: str | None = None
    type: str | None = None


def claimed_by(body: bytes, headers: Headers) -> Claimed:
    """Read what can be read, from headers in Kafka's binary mode, else from JSON. Nothing is raised for any bytes."""
    attributes: dict[str, object] = {
        name.removeprefix(ATTRIBUTE_PREFIX): content for name, content in headers if name.startswith(ATTRIBUTE_PREFIX)
    }
    if not attributes:
        try:
            document = decode_json(body)
        except Unreadable:
            return Claimed()
        attributes = document if isinstance(document, dict) else {}
    return Claimed(*(_text(attributes.get(name)) for name in Claimed._fields))


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH and value.isprintable() else None
