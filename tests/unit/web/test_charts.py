"""given rows of a trend, then a chart's specification has their numbers, its colours by name, and no other host."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.web.pages.charts import on_time_chart, overdue_chart

FIRST = datetime(2026, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def values(specification: Mapping[str, Any]) -> list[dict[str, Any]]:
    data = specification["data"]
    found: list[dict[str, Any]] = data["values"] if "values" in data else specification["datasets"][data["name"]]
    return found


def texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_overdue_orders_are_points_in_time() -> None:
    chart = overdue_chart([{"as_of": FIRST, "orders": 3}, {"as_of": FIRST + DAY, "orders": 0}])

    points = [(one["at"], one["orders"]) for one in values(chart)]
    assert points == [("2026-06-01T09:00:00Z", 3), ("2026-06-02T09:00:00Z", 0)]


def test_a_comparison_has_a_second_line_by_todays_knowledge() -> None:
    chart = overdue_chart([{"as_of": FIRST, "orders": 61, "today": 10}], compared=True)

    assert {one["series"]: one["orders"] for one in values(chart)} == {"as known then": 61, "as known today": 10}


def test_bars_of_a_day_stand_on_each_other_and_tell_the_share_on_time() -> None:
    chart = on_time_chart([{"since": FIRST, "until": FIRST + DAY, "on_time": 3, "late": 1}])

    bars = {one["kind"]: (one["low"], one["high"], one["share"]) for one in values(chart)}
    assert bars == {"on time": (0, 3, "75 %"), "late": (3, 4, "75 %")}


@pytest.mark.parametrize("compared", [False, True])
def test_colours_are_names_that_the_theme_fills_in(compared: bool) -> None:
    for chart in (
        overdue_chart([{"as_of": FIRST, "orders": 3, "today": 2}], compared=compared),
        on_time_chart([{"since": FIRST, "until": FIRST + DAY, "on_time": 3, "late": 1}]),
    ):
        found = texts({name: part for name, part in chart.items() if name != "$schema"})
        assert not [text for text in found if text.startswith("#") or "://" in text]
        assert {"--late-mark", "--muted"} <= set(found)
