"""The CloudEvents envelope, the same around every message."""

import re
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from consumers.contract.values import END, ID_SCHEMA, Id, Instant, Text, WireModel, check_id, must
from domain.derived import RESERVED_SOURCES

_TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PARAMETERS = r"[^\u0000-\u0008\u000a-\u001f\u007f\ud800-\udfff]*"
_JSON_MEDIA_TYPE = rf"{_TOKEN}/(?:{_TOKEN}\+)?json[ \t]*(?:;{_PARAMETERS})?"
_MEDIA_TYPE_PATTERN = rf"^{_TOKEN}/(?:{_TOKEN}\+)?[Jj][Ss][Oo][Nn][ \t]*(?:;{_PARAMETERS})?{END}"
_is_json_media_type = re.compile(_JSON_MEDIA_TYPE, re.IGNORECASE | re.ASCII).fullmatch


def check_media_type(value: object) -> str:
    if not isinstance(value, str) or not _is_json_media_type(value):
        raise must("be application/json or another JSON media type")
    return value


MEDIA_TYPE_SCHEMA = {"type": "string", "pattern": _MEDIA_TYPE_PATTERN}

MediaType = Annotated[str, PlainValidator(check_media_type), WithJsonSchema(MEDIA_TYPE_SCHEMA)]
"""The media type of JSON data, with or without parameters."""


def check_source(value: object) -> str:
    source = check_id(value)
    if source.startswith(RESERVED_SOURCES):
        raise must(f"be a name of your own: {RESERVED_SOURCES}… is reserved for Waybill's own messages")
    return source


_ID_PATTERN = str(ID_SCHEMA["pattern"]).removeprefix("^")
SOURCE_SCHEMA = {**ID_SCHEMA, "pattern": f"^(?!{RESERVED_SOURCES}){_ID_PATTERN}"}

Source = Annotated[str, PlainValidator(check_source), WithJsonSchema(SOURCE_SCHEMA)]
"""The id of a system other than Waybill itself."""


class Envelope(WireModel):
    """A CloudEvents 1.0 event in structured JSON; unknown attributes are ignored."""

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents.")
    id: Id = Field(
        description="The message's id, unique within its source. Subject, source and id identify the message: the same "
        "three again are a duplicate."
    )
    source: Source = Field(description="The system that publishes the message.")
    type: Id = Field(description="What happened, in which version of the contract.")
    time: Instant = Field(description="When it happened; a message too far ahead of the service's clock is held.")
    subject: Id = Field(
        description="The id of the order, rep, account or standing order, or the tracking number of the parcel."
    )
    data: WireModel = Field(description="The content of the message, by its type.")
    datacontenttype: MediaType | None = Field(None, description="The media type of the data, JSON if it is given.")
    correlationid: Id | None = Field(None, description="The conversation or process that the message belongs to.")
    causationid: Id | None = Field(None, description="The id of the message that led to this one.")
    traceparent: Text | None = Field(None, description="The W3C trace context of the publisher.")
    recordedtime: Instant | None = Field(
        None, description="When an earlier system recorded it; used only when an operator imports history."
    )
