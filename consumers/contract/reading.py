"""Reading: turns the bytes of a message, or its decoded attributes, into a fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from pydantic import Field, ValidationError, create_model

from consumers.contract.catalogue import CATALOGUE, OWN_TYPES, ZONE, MessageType
from consumers.contract.characters import stray_character
from consumers.contract.data_base64 import DataUnreadable, with_data_decoded
from consumers.contract.days import with_instants
from consumers.contract.envelope import Envelope
from consumers.contract.fast_path import read_fast_path
from consumers.contract.ignored import ignored_fields
from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.problems import problem, problems_in, reason_for, shown
from consumers.contract.values import check_instant
from domain.fact import Fact


@dataclass(frozen=True)
class ReadingRules:
    """The options of reading.

    `max_bytes` is the largest size of a message. `honour_recordedtime` uses `recordedtime` as the instant of recording,
    for imported histories only. `time_zone` is the business zone (an IANA name) for dates without a time, unless the
    message names another.
    """

    max_bytes: int
    honour_recordedtime: bool = False
    time_zone: str = "UTC"


class WellFormed(msgspec.Struct, frozen=True, gc=False):
    """A message that fits the contract, and the fact that it states.

    The fact does not know its stream yet: `originator_id` is "" and `originator_version` is 0. `ignored` has the paths
    of ignored fields, such as "discount_code" or "lines[0].color" (see `consumers.contract.ignored`).
    """

    type: str
    subject: str
    fact: Fact
    ignored: tuple[str, ...] = ()


class Malformed(NamedTuple):
    """A message that does not fit the contract.

    The reason names the first three fields at fault and what they must be, in one printable line of at most 500
    characters, such as
    "data.lines[0].quantity: must be greater than 0, but is -3".
    """

    reason: str


_ONE_BY_ONE = "; send each of its messages on its own"
_ENVELOPE_FIELDS = frozenset(Envelope.model_fields)

# Finds problems in the envelope of a message of unknown type.
_UnknownMessage = create_model("UnknownMessage", __base__=Envelope, data=(dict[str, Any], Field()))


def read_message(raw: bytes, received_at: datetime, rules: ReadingRules) -> WellFormed | Malformed:
    """Read one message in structured JSON.

    `received_at` is the service's clock on receipt, an aware datetime in UTC. Nothing is raised for any bytes.
    """
    if len(raw) > rules.max_bytes:
        return too_large(len(raw), rules)
    usual = read_fast_path(raw)
    if usual is not None and (usual.recordedtime is None or not rules.honour_recordedtime):
        envelope = usual.envelope
        fact = usual.fact_of(envelope, envelope.data, usual.time, received_at)
        return WellFormed(usual.type.name, envelope.subject, fact)
    try:
        document = decode_json(raw)
    except Unreadable as error:
        return Malformed(reason_for([problem("message", str(error))]))
    return read_cloud_event(document, len(raw), received_at, rules)


def read_cloud_event(
    attributes: Mapping[str, Any], size: int, received_at: datetime, rules: ReadingRules
) -> WellFormed | Malformed:
    """Read a message whose JSON is already decoded (by `decode_json`, because decimals must not become floats).

    `attributes` are those of the envelope by their CloudEvents names, the data under "data"; `size` is the message's
    size in bytes. Nothing is raised for any decoded JSON, even if it is not an object.
    """
    if size > rules.max_bytes:
        return too_large(size, rules)
    if type(attributes) is not dict and not isinstance(attributes, Mapping):
        remedy = _ONE_BY_ONE if isinstance(attributes, list) else ""
        return Malformed(reason_for([f"message: must be a JSON object, but is {shown(attributes)}{remedy}"]))
    name = attributes.get("type")
    message_type = CATALOGUE.get(name) if isinstance(name, str) else None
    if message_type is None:
        return _of_unknown_type(attributes)
    try:
        attributes = with_data_decoded(attributes)
    except DataUnreadable as error:
        return Malformed(reason_for([problem("data_base64", str(error))]))
    try:
        message = message_type.check(attributes)
    except ValidationError as error:
        problems = problems_in(error, _ENVELOPE_FIELDS | message_type.known_fields)
        return Malformed(reason_for(problems + _ahead(attributes, received_at, rules)))
    if ahead := _ahead(attributes, received_at, rules):
        return Malformed(reason_for(ahead))
    if stray := stray_character(attributes):
        return Malformed(reason_for([stray]))
    recorded_at = message.recordedtime if rules.honour_recordedtime else None
    data = message.data.__dict__
    if message_type.says_zone:
        zone = data[ZONE] or rules.time_zone
        data = with_instants({name: value for name, value in data.items() if name != ZONE}, zone)
    well_formed = _well_formed(message_type, message, message.time, data, recorded_at or received_at)
    ignored = ignored_fields(message_type, attributes["data"])
    return msgspec.structs.replace(well_formed, ignored=ignored) if ignored else well_formed


def _well_formed(
    message_type: MessageType,
    envelope: Any,
    occurred_at: datetime,
    data: Mapping[str, Any],
    recorded_at: datetime,
) -> WellFormed:
    fact = message_type.fact(
        recorded_at=recorded_at,
        source=envelope.source,
        message_id=envelope.id,
        occurred_at=occurred_at,
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        traceparent=envelope.traceparent,
        **data,
    )
    return WellFormed(message_type.name, envelope.subject, fact)


def too_large(size: int, rules: ReadingRules, sha256: str = "") -> Malformed:
    """A message of this many bytes; `sha256` of all of them, in hex, if only the beginning is kept."""
    kept = f"; its beginning is kept, the SHA-256 of all of it is {sha256}" if sha256 else ""
    return Malformed(f"message: must have at most {rules.max_bytes} bytes, but has {size}{kept}")


def _ahead(attributes: Mapping[str, Any], received_at: datetime, rules: ReadingRules) -> list[str]:
    """An imported history cannot have been recorded in the future."""
    said = attributes.get("recordedtime")
    if said is None or not rules.honour_recordedtime:
        return []
    try:
        ahead = check_instant(said) - received_at
    except ValueError:  # not an instant, which is another problem
        return []
    if ahead <= timedelta(0):
        return []
    return [f"recordedtime: must not be ahead of the clock, but is {ahead} ahead: {shown(said)}"]


def _of_unknown_type(attributes: Mapping[str, Any]) -> Malformed:
    problems = []
    name = attributes.get("type")
    if isinstance(name, str):
        problems.append(f"type: {_about_unknown(name[:100])}, but is {shown(name)}")
    try:
        _UnknownMessage.model_validate(attributes)
    except ValidationError as error:
        problems += problems_in(error, _ENVELOPE_FIELDS)
    return Malformed(reason_for(problems))


@lru_cache(maxsize=256)
def _about_unknown(name: str) -> str:
    if name in OWN_TYPES:
        return "must be one that an upstream may publish; Waybill alone writes this one"
    nearest = get_close_matches(name, CATALOGUE, n=1, cutoff=0)
    return f"must be one of the contract's types, perhaps {nearest[0]}"
