"""given the instants of a picture, then its axis has these places and ticks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.web.pages.timeline_scale import BETWEEN_TICKS, MOST_TICKS, Scale

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)).map(lambda at: at.replace(tzinfo=UTC))


@given(st.lists(instants, min_size=1, max_size=12))
def test_places_keep_the_order_of_time_and_ticks_stand_apart(some: list[datetime]) -> None:
    scale = Scale(some, 10, 990)

    places = [scale.x(instant) for instant in sorted(some)]
    ticks = [tick.x for tick in scale.ticks()]
    assert places == sorted(places)
    assert all(10 <= place <= 990 for place in places)
    assert all(after - before >= BETWEEN_TICKS for before, after in pairwise(ticks))
    assert len(ticks) <= MOST_TICKS * 3


@pytest.mark.parametrize(
    ("hours", "labels"),
    [(5, ["2 Mar", "01:00", "02:00", "03:00", "04:00", "05:00"]), (8 * 24, [f"{day} Mar" for day in range(2, 11)])],
)
def test_ticks_are_round_instants(hours: int, labels: list[str]) -> None:
    every_hour = [FIRST + timedelta(hours=hour) for hour in range(hours + 1)]

    assert [tick.label for tick in Scale(every_hour, 0, 1000).ticks()] == labels
