r"""Text that others wrote, made safe to show: what a terminal obeys, and what hides or reorders text, is written out.

It goes by the code points listed here, not by the interpreter's Unicode table, so that every Python shows the same.
Joiners (U+200C, U+200D) and variation selectors stay: Persian, Hindi and emoji are written with them.
"""

import re

_BEYOND_ASCII = (
    "\x7f-\x9f"  # DEL and C1: a terminal obeys U+009B as it obeys ESC [
    "\xad\u180e\u200b\ufeff"  # invisible: soft hyphen, vowel separator, spaces without width
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, overrides and isolates that reorder text
    "\u2028\u2029"  # line and paragraph separators
    "\u2060-\u2065\u206a-\u206f\ufff9-\ufffb"  # other invisible format characters
    "\ud800-\udfff"  # single surrogates, which no output can encode
    "\U000e0000-\U000e007f"  # tags: a second text that nobody sees
)
_unprintable = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_ASCII}]")
_unprintable_in_a_line = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_unescaped_in_json = re.compile(f"[{_BEYOND_ASCII}]")


def printable(text: str) -> str:
    r"""The text with such characters written out, as \x9b or \u202e; line ends and tabs stay."""
    return _unprintable.sub(_written_out, text)


def printable_line(text: str) -> str:
    r"""The same as one line: line ends and tabs are written out, too."""
    return _unprintable_in_a_line.sub(_written_out, text)


def escape_json(document: str) -> str:
    r"""A JSON document that means the same, with such characters escaped, as \u009b or \u202e.

    JSON has no place for them outside strings, and its encoders escape those below U+0020.
    """
    if document.isascii() and "\x7f" not in document:
        return document
    return _unescaped_in_json.sub(_json_escape, document)


def _written_out(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
