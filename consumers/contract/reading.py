"""Reading: from the bytes of a message, or its decoded attributes, to the fact that it states."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import msgspec
from pydantic import Field, ValidationError, create_model

from consumers.contract.catalogue import CATALOGUE, NOT_TAKEN_YET, MessageType
from consumers.contract.characters import stray_character
from consumers.contract.envelope import Envelope
from consumers.contract.fast_path import read_fast_path
from consumers.contract.problems import problem, problems_in, reason_for, shown
from consumers.contract.wire import check_instant
from domain.fact import Fact


@dataclass(frozen=True)
class ReadingRules:
    """How messages are read.

    `clock_skew` is how far a message's time may be ahead of the clock, `max_bytes` the greatest size of a message.
    `honour_recordedtime` lets `recordedtime` say when the message was recorded: for imported histories alone.
    """

    clock_skew: timedelta
    max_bytes: int
    honour_recordedtime: bool


class WellFormed(NamedTuple):
    """A message that fits the contract, and the fact that it states.

    The fact does not know its stream yet: `originator_id` is "" and `originator_version` is 0.
    """

    type: str
    subject: str
    fact: Fact


class Malformed(NamedTuple):
    """A message that does not fit the contract.

    The reason names each field and what it must be, in one printable line of at most 500 characters, such as
    "data.lines[0].quantity: must be greater than 0, but is -3".
    """

    reason: str


class Unreadable(ValueError):
    """Bytes that are no JSON; the text says why."""


LONGEST_INTEGER = 40
"""Digits of an integer beyond which it is read as a decimal: no field takes as many."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode

# Finds what is wrong with the envelope of a message whose type is not known.
_check_envelope = create_model(
    "UnknownMessage", __base__=Envelope, data=(dict[str, Any], Field())
).__pydantic_validator__.validate_python


def read_message(raw: bytes, received_at: datetime, rules: ReadingRules) -> WellFormed | Malformed:
    """Read one message in structured JSON.

    `received_at` is the service's clock on receipt, an aware datetime in UTC. Nothing is raised for any bytes.
    """
    if len(raw) > rules.max_bytes:
        return too_large(len(raw), rules)
    usual = read_fast_path(raw)
    if usual is not None and usual.time <= received_at + rules.clock_skew:
        return _well_formed(*usual, received_at, rules)
    try:
        document = decode_json(raw)
    except Unreadable as error:
        return Malformed(reason_for([problem("message", str(error))]))
    return read_cloud_event(document, len(raw), received_at, rules)


def read_cloud_event(
    attributes: Mapping[str, Any], size: int, received_at: datetime, rules: ReadingRules
) -> WellFormed | Malformed:
    """Read a message whose JSON is decoded already (by `decode_json`, for decimals must not pass through floats).

    `attributes` are those of the envelope by their CloudEvents names, the data under "data"; `size` is the
    message's size in bytes. Nothing is raised for any decoded JSON, not even for one that is no object.
    """
    if size > rules.max_bytes:
        return too_large(size, rules)
    if type(attributes) is not dict and not isinstance(attributes, Mapping):
        return Malformed(reason_for([f"message: must be a JSON object, but is {shown(attributes)}"]))
    name = attributes.get("type")
    message_type = CATALOGUE.get(name) if isinstance(name, str) else None
    if message_type is None:
        return _of_unknown_type(attributes)
    try:
        message = message_type.check(attributes)
    except ValidationError as error:
        return Malformed(reason_for(problems_in(error) + _too_early(attributes, received_at, rules)))
    if message.time > received_at + rules.clock_skew:
        return Malformed(reason_for(_too_early(attributes, received_at, rules)))
    if stray := stray_character(attributes):
        return Malformed(reason_for([stray]))
    return _well_formed(
        message_type, message, message.time, message.recordedtime, message.data.__dict__, received_at, rules
    )


def _well_formed(
    message_type: MessageType,
    envelope: Any,
    occurred_at: datetime,
    recordedtime: datetime | None,
    data: Mapping[str, Any],
    received_at: datetime,
    rules: ReadingRules,
) -> WellFormed:
    fact = message_type.fact(
        recorded_at=recordedtime if recordedtime is not None and rules.honour_recordedtime else received_at,
        source=envelope.source,
        message_id=envelope.id,
        occurred_at=occurred_at,
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        **data,
    )
    return WellFormed(message_type.name, envelope.subject, fact)


def decode_json(raw: bytes) -> Any:
    """Decode JSON in UTF-8, with Decimal for every number that is not an integer of usual size; raises Unreadable."""
    try:
        return _decode(raw)
    except RecursionError:
        raise Unreadable("must be JSON, but is nested too deeply") from None
    except ArithmeticError:
        raise Unreadable("must be JSON with numbers in reach, but one has an exponent beyond all bounds") from None
    except ValueError as error:  # msgspec's own errors are of this kind too
        try:
            text = raw.decode()
        except UnicodeDecodeError as not_utf8:
            raise Unreadable(f"must be UTF-8, but is not at byte {not_utf8.start}") from None
        try:
            return _decode_unusual(text)
        except (ValueError, ArithmeticError, RecursionError):
            saying = str(error).removeprefix("JSON is malformed: ")
            raise Unreadable(f"must be JSON, but: {saying[:1].lower()}{saying[1:]}") from None


def _decode_unusual(text: str) -> Any:
    """Single surrogates and endless integers are JSON, too: what holds them is named by its own check."""
    return json.loads(text, parse_float=Decimal, parse_int=_integer, parse_constant=_no_number)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= LONGEST_INTEGER else Decimal(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def too_large(size: int, rules: ReadingRules, sha256: str = "") -> Malformed:
    """A message of so many bytes; `sha256` of all of them, in hex, where only their beginning is kept."""
    kept = f"; its beginning is kept, the SHA-256 of all of it is {sha256}" if sha256 else ""
    return Malformed(f"message: must have at most {rules.max_bytes} bytes, but has {size}{kept}")


def _too_early(attributes: Mapping[str, Any], received_at: datetime, rules: ReadingRules) -> list[str]:
    """The message's time is ahead of the clock by more than clocks may differ."""
    said = attributes.get("time")
    try:
        ahead = check_instant(said) - received_at
    except ValueError:  # no instant at all, which is another problem
        return []
    if ahead <= rules.clock_skew:
        return []
    return [f"time: must be at most {rules.clock_skew} ahead of the clock, but is {ahead} ahead: {shown(said)}"]


def _of_unknown_type(attributes: Mapping[str, Any]) -> Malformed:
    problems = []
    name = attributes.get("type")
    if isinstance(name, str):
        problems.append(f"type: {_about_unknown(name[:100])}, but is {shown(name)}")
    try:
        _check_envelope(attributes)
    except ValidationError as error:
        problems += problems_in(error)
    return Malformed(reason_for(problems))


@lru_cache(maxsize=256)
def _about_unknown(name: str) -> str:
    if name in NOT_TAKEN_YET:
        return "must be one that this service takes already, which standing orders are not"
    nearest = get_close_matches(name, CATALOGUE, n=1, cutoff=0)
    return f"must be one of the contract's types, perhaps {nearest[0]}"
