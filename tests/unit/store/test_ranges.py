"""Ranges of streams: how a rebuild is cut into parts, and the condition that a stream is in one of them."""

import pytest

from infra.store.events.ranges import StreamRange, cut, within_ranges

SIZES = [("a", 4), ("b", 4), ("c", 1), ("d", 1), ("e", 1), ("f", 1)]


@pytest.mark.parametrize(
    ("parts", "ends"),
    [(1, [None]), (2, ["b", None]), (3, ["a", "b", None]), (100, ["a", "b", "c", "d", "e", "f", None])],
)
def test_parts_follow_one_another_and_have_about_as_many_events(parts: int, ends: list[str | None]) -> None:
    found = cut(StreamRange(), SIZES, 12, parts)

    assert [part.until for part in found] == ends
    assert [part.after for part in found] == ["", *ends[:-1]]


def test_parts_begin_and_end_with_the_range_that_was_cut() -> None:
    assert cut(StreamRange("a", "e"), SIZES[1:5], 7, 2) == [StreamRange("a", "b"), StreamRange("b", "e")]


def test_nothing_is_one_part() -> None:
    assert cut(StreamRange("x"), [], 0, 4) == [StreamRange("x")]


def test_ranges_without_a_gap_are_one_condition() -> None:
    condition, parameters = within_ranges([StreamRange("a", "b"), StreamRange("b", "d"), StreamRange("f")])

    assert condition.count("OR") == 1
    assert parameters == {"after_0": "a", "until_0": "d", "after_1": "f"}


def test_no_range_has_no_stream() -> None:
    assert within_ranges([]) == ("(1 = 0)", {})
