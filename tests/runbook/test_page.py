"""docs/runbook.md: what is compared with it is compared strictly enough to fail."""

import pytest

from tests.runbook.page import Shown, assert_shown

SAID = """Books
received  applied  duplicate  held  dead
       7        6          0     0     1

the newest event is at position 6, 2026-11-29 08:19:19Z
"""


@pytest.mark.parametrize(
    "output",
    [
        ["Books", "received  applied  duplicate  held  dead", "7 6 0 0 1"],
        ["received  …  dead", "…", "the newest event is at position 6, 2020-01-01 00:00Z"],
        ["…", "the newest event …"],
    ],
)
def test_what_the_page_leaves_out_and_what_differs_each_time_is_as_good_as_equal(output: list[str]) -> None:
    assert_shown(Shown("waybill status", output), SAID)


@pytest.mark.parametrize(
    "output",
    [
        ["7 6 0 0 2"],
        ["the newest event is at position 7, …"],
        ["7 6 0 0 1", "Books"],
        ["received  applied"],
    ],
)
def test_anything_else_is_a_difference(output: list[str]) -> None:
    with pytest.raises(AssertionError, match="the page shows"):
        assert_shown(Shown("waybill status", output), SAID)
