"""The elements of a JSON array as bytes, where one of them may be no JSON that can be read.

So one broken message of a batch is malformed alone.
"""

import re

import msgspec

_SIGNIFICANT = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},"]', re.DOTALL)
_BLANK = b" \t\r\n"


def elements_of(array: bytes) -> list[bytes]:
    """The bytes of each element. Raises ValueError if they are not an array whose elements can be told apart."""
    try:
        return [bytes(element) for element in msgspec.json.decode(array, type=list[msgspec.Raw])]
    except (ValueError, RecursionError):
        # Slower, and needs no more of an element than where it ends.
        return _split(array)


def _split(array: bytes) -> list[bytes]:
    text = array.strip(_BLANK)
    if not text.startswith(b"["):
        raise ValueError("it does not begin with [")
    elements: list[bytes] = []
    depth, start = 0, 1
    for token in _SIGNIFICANT.finditer(text):
        mark = token[0]
        if mark == b'"':
            raise ValueError(f"at byte {token.start()} a string begins that does not end")
        # A string, an object or an array that begins here is an element of its own.
        begins = mark not in (b"]", b"}", b",")
        if depth == 1 and begins and text[start : token.start()].strip(_BLANK):
            raise ValueError(f"before byte {token.start()} a comma is missing")
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
        if depth == 0:
            if mark != b"]" or token.end() != len(text):
                raise ValueError(f"it ends at byte {token.start()}, and more follows")
            last = text[start : token.start()].strip(_BLANK)
            return [*elements, _element(last)] if last or elements else []
        if depth == 1 and mark == b",":
            elements.append(_element(text[start : token.start()]))
            start = token.end()
    raise ValueError("it has no end")


def _element(text: bytes) -> bytes:
    element = text.strip(_BLANK)
    if not element:
        raise ValueError("there is nothing before or after a comma")
    return element
