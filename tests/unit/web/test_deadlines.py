"""given an instant, then pages show it as the end of a day if it is that in the business zone, else exactly."""

from datetime import UTC, date, datetime

import pytest

from infra.web.deadlines import Deadline, as_column, day_ended_by
from infra.web.pages.render import environment


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        (datetime(2026, 11, 2, tzinfo=UTC), "UTC", date(2026, 11, 1)),
        (datetime(2026, 11, 1, 23, tzinfo=UTC), "Europe/Berlin", date(2026, 11, 1)),
        (datetime(2026, 11, 2, tzinfo=UTC), "Europe/Berlin", None),
        (datetime(2026, 11, 2, 0, 0, 1, tzinfo=UTC), "UTC", None),
        (datetime(1, 1, 1, tzinfo=UTC), "UTC", None),
        (datetime(1, 1, 1, tzinfo=UTC), "America/New_York", None),
    ],
)
def test_the_first_instant_of_a_day_ends_the_day_before(instant: datetime, zone: str, day: date | None) -> None:
    assert day_ended_by(instant, zone) == day


def test_a_column_is_a_deadline_by_its_name() -> None:
    instant = datetime(2026, 11, 2, tzinfo=UTC)

    assert isinstance(as_column("promised_by", instant), Deadline)
    assert not isinstance(as_column("placed_at", instant), Deadline)
    assert as_column("needed_by", None) is None


def test_a_page_shows_a_deadline_as_a_day_with_the_exact_instant_on_hover_and_other_instants_as_they_are() -> None:
    shown = environment.from_string("{{ at | deadline }} {{ at }}").render(
        at=datetime(2026, 11, 1, 23, tzinfo=UTC), zone="Europe/Berlin"
    )

    end, exact = shown.split("</time> ")
    assert end == (
        '<time datetime="2026-11-01T23:00:00Z" data-end-of="2026-11-01" title="2026-11-01T23:00:00Z">end of 2026-11-01'
    )
    assert "2026-11-01 23:00 UTC" in exact and "data-end-of" not in exact
