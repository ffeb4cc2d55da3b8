"""given the counts of a trend, then a chart of characters shows them, in the width that there is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from infra.cli.trend_chart import ASCII, BLOCKS, Series, column_chart, signs_of, spark_lines

SINCE = datetime(2026, 6, 1, tzinfo=UTC)


def days(number: int) -> list[datetime]:
    return [SINCE + timedelta(days=day) for day in range(number)]


def test_columns_are_as_high_as_the_counts_with_dates_and_values_that_matter() -> None:
    lines = [str(line) for line in column_chart([0, 1, 4, 2], days(4), 75, 4, BLOCKS)]

    assert lines == [
        "4 │                ███████",
        "  │                ███████",
        "  │                ███████ ███████",
        "  │        ███████ ███████ ███████",
        "0 └" + "─" * 32,
        "   2026-06-01 00:00Z  2026-06-04 00:00Z",
        "first: 0; last: 2 at 2026-06-04 00:00Z; largest: 4 at 2026-06-03 00:00Z",
    ]


def test_a_count_is_never_drawn_as_nothing() -> None:
    for signs in (BLOCKS, ASCII):
        bottom = column_chart([1, 1000], days(2), 60, 3, signs)[2]
        assert bottom.drawn.strip()[0] == signs.levels[1]


@pytest.mark.parametrize("number", [1, 2, 40, 61, 1000])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_a_chart_is_wider_than_the_terminal(number: int, width: int) -> None:
    counts = [day % 37 for day in range(number)]
    series = [Series(key, counts) for key in ("rep-7", None, "r" * 100)]

    drawn = column_chart(counts, days(number), width, 10, BLOCKS)
    sparks = spark_lines(series, days(number), width, 10, BLOCKS)

    assert [str(line) for line in (*drawn, *sparks) if len(str(line)) > width] == []
    if number == 1000:  # the largest of some stands for them
        assert any("the largest of" in str(line) for line in sparks)
        assert sparks[1].after.split() == [str(counts[-1]), "36"]


def test_the_keys_with_the_most_now_come_first_on_one_scale() -> None:
    series = [Series("a", [8, 0]), Series(None, [1, 4]), Series("b", [0, 2])]

    lines = spark_lines(series, days(2), 60, 2, BLOCKS)

    assert [str(line) for line in lines[1:3]] == ["–  ▁▄     4     4", "b   ▂     2     2"]
    assert str(lines[-1]) == "and 1 more; --no-chart has them all"


def test_an_encoding_without_blocks_gets_ascii() -> None:
    assert signs_of("utf-8") is BLOCKS
    assert signs_of("ascii") is signs_of("latin-1") is signs_of(None) is signs_of("nonsense") is ASCII
    series = [Series(None, [1, 4]), Series("Größe", [0, 2])]
    for line in (*spark_lines(series, days(2), 60, 9, ASCII), *column_chart([1, 4], days(2), 60, 4, ASCII)):
        assert str(line).isascii()
    assert all(one != other for one, other in pairwise(ASCII.levels))
