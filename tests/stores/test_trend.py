"""given a sales floor, when a trend is asked for, then each of its counts is what the view of that name has rows."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.app.container import Waybill
from infra.queries.trend import WrongTrendError, instants_between, on_time_trend, trend
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from projections.views.trend import Counted, Instants, TrendBy
from tests.simulated_store import FLOOR_ENDS, fill_with_floor
from tests.stores.conftest import StoreUrl

INSTANTS = instants_between(FLOOR_ENDS - timedelta(days=36), FLOOR_ENDS, timedelta(hours=150))
"""Six instants at different times of the day; the last is before the floor's end."""

APART = [
    (Counted.OVERDUE, TrendBy.REP),
    (Counted.AT_RISK, TrendBy.SEGMENT),
    (Counted.OVERDUE, TrendBy.CARRIER),
    (Counted.LATE, TrendBy.SEGMENT),
    (Counted.LATE, TrendBy.CARRIER),
]


@pytest.fixture
def floor(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store()), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 60)
        yield waybill


def rows_of_view(waybill: Waybill, counted: Counted, asked: Asked) -> list[Any]:
    if counted is Counted.OPEN:
        return [row for row in waybill.views.ask(view_named("orders"), asked).rows if row["status"] == "open"]
    return list(waybill.views.ask(view_named(counted.value), asked).rows)


def counted_apart(waybill: Waybill, counted: Counted, by: TrendBy, instants: Instants) -> dict[Any, int]:
    """What the views have rows at each instant, by the column of `by`."""
    found: Counter[Any] = Counter()
    for instant in instants:
        segments = {
            row["order_id"]: row["segment"] for row in waybill.views.ask(view_named("orders"), Asked(instant)).rows
        }
        for row in rows_of_view(waybill, counted, Asked(instant)):
            key = segments[row["order_id"]] if by is TrendBy.SEGMENT else row[by.column]
            found[instant, key] += 1
    return dict(found)


def test_each_count_is_what_the_view_has_rows_then(floor: Waybill) -> None:
    for counted in Counted:
        told = {row["as_of"]: row["orders"] for row in trend(floor.views, counted, INSTANTS).rows}

        assert told == {one: len(rows_of_view(floor, counted, Asked(one))) for one in INSTANTS}, counted
        assert any(told.values()), counted


def test_each_key_is_counted_apart(floor: Waybill) -> None:
    for counted, by in APART:
        told = {(row["as_of"], row[by.column]): row["orders"] for row in trend(floor.views, counted, INSTANTS, by).rows}

        assert {key: orders for key, orders in told.items() if orders} == counted_apart(floor, counted, by, INSTANTS)


def test_a_trend_as_known_at_an_instant_counts_what_was_known_then(floor: Waybill) -> None:
    known_at = INSTANTS.last - timedelta(days=12)

    told = trend(floor.views, Counted.OVERDUE, INSTANTS, known_at=known_at).rows

    for row in told[::2]:
        rows = rows_of_view(floor, Counted.OVERDUE, Asked(row["as_of"], known_at))
        assert row["orders"] == len(rows)
    assert told != trend(floor.views, Counted.OVERDUE, INSTANTS).rows


def test_those_completed_are_on_time_or_late(floor: Waybill) -> None:
    told = on_time_trend(floor.views, INSTANTS).rows

    for row in told:
        done = [
            order
            for order in floor.views.ask(view_named("orders"), Asked(INSTANTS.last)).rows
            if order["completed_at"] is not None and row["since"] < order["completed_at"] <= row["until"]
        ]
        late = [order for order in done if order["completed_at"] > order["promised_by"]]
        assert (row["on_time"], row["late"]) == (len(done) - len(late), len(late))
    assert sum(row["on_time"] for row in told) > 0 < sum(row["late"] for row in told)


@pytest.mark.parametrize(
    ("since", "until", "every", "said"),
    [
        (FLOOR_ENDS, FLOOR_ENDS - timedelta(days=1), timedelta(days=1), "end before it begins"),
        (FLOOR_ENDS, FLOOR_ENDS, timedelta(0), "some time apart"),
        (FLOOR_ENDS - timedelta(days=3650), FLOOR_ENDS, timedelta(minutes=1), "at most 10000"),
    ],
)
def test_instants_that_cannot_be_counted_are_told(
    since: datetime, until: datetime, every: timedelta, said: str
) -> None:
    with pytest.raises(WrongTrendError, match=said):
        instants_between(since, until, every)
