"""The pure parts of a rebuild: its rate, its progress, and the event at which a shape fails."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.fact import StreamEvent
from domain.rep.events import RepChanged, RepRegistered
from domain.streams import settle_stream
from projections.projection import Projection, Settled
from projections.rebuild import SubjectFailedError, alone, first_failing, pause, progress, shape_all
from projections.reps import REPS, rep_periods
from projections.table import Row

NOON = datetime(2025, 3, 7, 12, tzinfo=UTC)


def named(*names: str) -> list[StreamEvent]:
    """A rep who is registered with the first name and takes the others, one hour each."""
    about: dict[str, Any] = {"recorded_at": NOON, "source": "hr"}
    first = RepRegistered(occurred_at=NOON, message_id="0", name=names[0], level="entry", **about)
    changes = [
        RepChanged(occurred_at=NOON.replace(hour=12 + hour), message_id=str(hour), name=name, **about)
        for hour, name in enumerate(names[1:], start=1)
    ]
    return [first, *changes]


def failing_for(name: str) -> Projection:
    def shape(settled: Settled) -> Mapping[str, Iterable[Row]]:
        shaped = {table: list(rows) for table, rows in REPS.shape(settled).items()}
        if any(row.name == name for row in shaped[rep_periods.name]):  # type: ignore[attr-defined]
            raise ValueError(f"no {name} here")
        return shaped

    return replace(REPS, shape=shape)


def test_a_rate_is_kept_by_waiting_for_what_is_left_of_the_time() -> None:
    assert pause(events=500, seconds=0.25, max_rate=1_000) == 0.25
    assert pause(events=500, seconds=2.0, max_rate=1_000) == 0.0
    assert pause(events=500, seconds=0.0, max_rate=None) == 0.0


def test_progress_tells_the_rate_of_this_run_and_the_time_left() -> None:
    assert progress("filling", done=600, total=1_000, done_here=200, seconds=2.0) == (
        "filling",
        600,
        1_000,
        100.0,
        4.0,
    )
    assert progress("filling", done=400, total=1_000, done_here=0, seconds=0.0)[3:] == (None, None)
    # Events that came meanwhile count too.
    assert progress("filling", done=1_200, total=1_000, done_here=200, seconds=2.0).seconds_left == 0.0


@pytest.mark.parametrize("place", range(4))
def test_the_first_event_at_which_a_shape_fails_is_found(place: int) -> None:
    names = ["Ann", "Bea", "Cleo", "Dora"]
    events = named(*names)

    assert first_failing(failing_for(names[place]), "rep-7", events) == place
    assert first_failing(failing_for("Eve"), "rep-7", events) is None


def test_a_subject_that_fails_is_named() -> None:
    settlings = {"rep-7": settle_stream("rep-7", named("Ann")), "rep-8": settle_stream("rep-8", named("Bea"))}  # type: ignore[arg-type]

    with pytest.raises(SubjectFailedError) as failed:
        shape_all([failing_for("Bea")], settlings)

    assert failed.value.stream == "rep-8"
    assert failed.value.reason == "ValueError: no Bea here"
    (replacement,) = shape_all([failing_for("Eve")], settlings)
    assert {row[0] for row in alone(replacement, "8").rows[rep_periods.name]} == {"8"}
    assert alone(replacement, "8").subjects == ["8"]
