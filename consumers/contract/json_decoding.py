"""JSON decoding that accepts all JSON and never converts numbers to binary floating point."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import msgspec


class Unreadable(ValueError):
    """Bytes that are not JSON; the text says why."""


LONGEST_INTEGER = 40
"""An integer with more digits is read as a decimal; no field accepts that many."""

REGISTRY_FRAME = b"\0\0"
REGISTRY_FRAME_BYTES = 5
"""A schema registry's serializer puts a zero byte and the schema's id before each value."""

DEEPEST_NESTING = 500
"""The deepest nesting in a well-formed message: Python versions differ in the depth that they can read, and a message
must mean the same under all of them."""
_TOO_DEEP = f"must be JSON, but is nested too deeply; nest at most {DEEPEST_NESTING} deep"

_UTF_16 = "looks like UTF-16; convert it, for example with iconv -f UTF-16 -t UTF-8"

# A string, closed or not, is skipped as one piece, so this takes one pass for any bytes.
_text_or_bracket = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def decode_json(raw: bytes) -> Any:
    """Decode JSON in UTF-8, with Decimal for every number that is not an integer of usual size; raises Unreadable."""
    if _nests_too_deeply(raw):
        raise Unreadable(_TOO_DEEP)
    try:
        return _decode(raw)
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except ArithmeticError:
        raise Unreadable(
            'must be JSON with numbers in reach, but one has an exponent beyond all bounds; write it like "12.50"'
        ) from None
    except ValueError as error:  # msgspec's errors are subclasses of it too
        if raw.startswith(REGISTRY_FRAME) and len(raw) > REGISTRY_FRAME_BYTES:
            schema_id = int.from_bytes(raw[1:REGISTRY_FRAME_BYTES])
            raise Unreadable(
                f"must be JSON, but is framed for a schema registry (magic byte 0, schema id {schema_id}); "
                "publish it as plain JSON, without the registry's serializer"
            ) from None
        is_utf_16 = _looks_like_utf_16(raw)
        try:
            text = raw.decode()
        except UnicodeDecodeError as not_utf8:
            also = f" and {_UTF_16}" if is_utf_16 else ""
            raise Unreadable(f"must be UTF-8, but is not at byte {not_utf8.start}{also}") from None
        if is_utf_16:
            raise Unreadable(f"must be UTF-8, but {_UTF_16}") from None
        try:
            return _decode_unusual(text)
        except (ValueError, ArithmeticError, RecursionError):
            saying = str(error).removeprefix("JSON is malformed: ")
            raise Unreadable(f"must be JSON, but: {saying[:1].lower()}{saying[1:]}; {_remedy(raw)}") from None


def _looks_like_utf_16(raw: bytes) -> bool:
    """Whether it has a byte order mark of UTF-16, or NUL as every other byte at its beginning."""
    return raw.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        len(raw) >= 4 and any(raw[n] == raw[n + 2] == 0 and raw[1 - n] and raw[3 - n] for n in (0, 1))
    )


def _remedy(raw: bytes) -> str:
    end = raw.rstrip()
    if end.endswith(b"},"):
        return "send one whole JSON document, without a comma after it"
    if b"}\r{" in raw:
        return "send one whole JSON document: end each message with a line feed, not with a carriage return alone"
    return "send one whole JSON document"


def _nests_too_deeply(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST_NESTING:
        return False
    depth = 0
    for found in _text_or_bracket.finditer(raw):
        if found[0] in (b"[", b"{"):
            depth += 1
            if depth > DEEPEST_NESTING:
                return True
        elif found[0] in (b"]", b"}"):
            depth -= 1
    return False


def _decode_unusual(text: str) -> Any:
    """Single surrogates and very long integers are JSON too; the field's own check reports them."""
    return json.loads(text, parse_float=Decimal, parse_int=_integer, parse_constant=_no_number)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= LONGEST_INTEGER else Decimal(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
