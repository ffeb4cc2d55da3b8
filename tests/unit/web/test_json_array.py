"""given the body of a batch, then its elements are told apart, whatever one of them is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.web.api.json_array import _split, elements_of

GOOD = b'{"id": "1"}'
DEEP = b"[" * 3_000 + b"]" * 3_000

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "broken",
    [rb'{"a": "\ud800"}', b'{"a": ' + DEEP + b"}", b'{"a": "\xff"}', b"NaN", b'{"a": 01}', rb'{"a": "]\",["}'],
    ids=["half a surrogate", "deep", "no UTF-8", "no number", "a wrong number", "marks within text"],
)
def test_an_element_that_is_no_json_stands_alone(broken: bytes) -> None:
    assert elements_of(b"[" + GOOD + b" ,\n" + broken + b", " + GOOD + b"]") == [GOOD, broken, GOOD]


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_of_any_array_are_found_by_their_marks_alone(
    values: list[Any], indent: int | None, ascii_only: bool
) -> None:
    array = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert [json.loads(element.decode("utf-8", "surrogatepass")) for element in _split(array)] == values


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (b"", "does not begin"),
        (GOOD, "does not begin"),
        (b"[" + GOOD, "no end"),
        (b'[NaN, "a]', "a string begins that does not end"),
        (b"[NaN,]", "nothing before or after a comma"),
        (b"[,NaN]", "nothing before or after a comma"),
        (b"[NaN]]", "more follows"),
        (b"[NaN}", "more follows"),
        (b"[NaN] x", "more follows"),
        (b'["a" "b"]', "a comma is missing"),
        (b'[{"a": 1} {"b": NaN}]', "a comma is missing"),
        (b"[NaN [1]]", "a comma is missing"),
    ],
)
def test_what_is_no_array_is_told(array: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        elements_of(array)
