"""What upstreams wrote is shown without anything that a terminal obeys or that hides or reorders text."""

import json
import unicodedata

import pytest

from infra.printable import escape_json, printable, printable_line

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
REORDERING = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
REORDERING_CLASSES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS_AND_SEPARATORS = ["\u200e", "\u200f", "\u061c", "\u2028", "\u2029"]


def test_these_are_all_that_unicode_has() -> None:
    everything = [chr(code) for code in range(0x110000)]
    assert [one for one in everything if unicodedata.category(one) == "Cc"] == CONTROLS
    assert [one for one in everything if unicodedata.bidirectional(one) in REORDERING_CLASSES] == REORDERING


@pytest.mark.parametrize("character", [*CONTROLS, *REORDERING, *MARKS_AND_SEPARATORS], ids=ascii)
def test_what_a_terminal_obeys_or_reorders_is_written_out(character: str) -> None:
    shown = printable_line(f"a{character}b")
    assert shown == f"a{ascii(character)[1:-1]}b"
    if character not in "\n\t":
        assert printable(f"a{character}b") == shown


def test_a_text_of_several_lines_keeps_them() -> None:
    assert printable("one\n\ttwo\x9b") == "one\n\ttwo\\x9b"


@pytest.mark.parametrize(
    "text",
    [
        "Müller & Söhne",
        "株式会社　山田",
        "Café « Noir »",
        "\u06a9\u200c\u0647\u0627",
        "👩\u200d🚒 ❤\ufe0f",
    ],
)
def test_what_people_write_in_their_languages_stays(text: str) -> None:
    assert printable_line(text) == text
    assert escape_json(text) == text


@pytest.mark.parametrize("character", ["\x7f", "\x9b", "\u202e", "\u2066", "\u200e", "\u2028", "\ud800", "\U000e0041"])
def test_json_escapes_the_same_and_means_the_same(character: str) -> None:
    document = json.dumps({"reason": f"a{character}b"}, ensure_ascii=False)
    escaped = escape_json(document)
    assert character not in escaped
    assert json.loads(escaped) == json.loads(document)
