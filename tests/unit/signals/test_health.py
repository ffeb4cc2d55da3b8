"""When a part is stuck: it has not moved for longer than the limit, although it has work."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from infra.signals.health import Place, Problem, died, stuck, with_reason
from infra.signals.movement import Movement
from infra.signals.pulse import Pulse
from infra.store.lock_waits import lock_waits_told_to, wanting_the_lock

LIMIT = timedelta(seconds=60)
START = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    return Pulse("relay", clock=clock)


def problems(pulse: Pulse, clock: Clock) -> list[Problem]:
    return [*died([pulse.state]), *stuck([pulse.state], clock.now, LIMIT)]


def test_a_part_that_finishes_steps_is_not_stuck(pulse: Pulse, clock: Clock) -> None:
    for _ in range(5):
        clock.after(59)
        with pulse.step():
            pass
    clock.after(59)
    assert problems(pulse, clock) == []


def test_one_step_that_does_not_end_is_stuck_since_it_began(pulse: Pulse, clock: Clock) -> None:
    clock.after(10)
    with pulse.step():
        clock.after(61)
        (found,) = problems(pulse, clock)
    assert found == ("relay", "has not moved: one step has been running since then", START + timedelta(seconds=10))


def test_what_it_waits_for_is_told_since_it_began_to_wait(pulse: Pulse, clock: Clock) -> None:
    with pulse.step():
        clock.after(5)
        pulse.kafka_waits("refused")
        clock.after(30)
        pulse.kafka_waits("still refused")
        clock.after(31)
        (found,) = problems(pulse, clock)
    assert found.problem == "has not moved; it waits: Kafka: still refused"
    assert found.since == START + timedelta(seconds=5)
    assert problems(pulse, clock) == [], "the step has ended well after all"


def test_a_step_that_waits_for_the_write_lock_says_so_since_it_asked(pulse: Pulse, clock: Clock) -> None:
    with lock_waits_told_to(pulse.wants_lock), pulse.step():
        clock.after(5)
        with wanting_the_lock():
            clock.after(61)
            (found,) = problems(pulse, clock)
        assert pulse.state.trouble is None, "it has the lock"
    assert found.problem == "has not moved; it waits: the store: another process holds its write lock"
    assert found.since == START + timedelta(seconds=5)


def test_steps_that_fail_do_not_count_as_moving(pulse: Pulse, clock: Clock) -> None:
    for _ in range(4):
        clock.after(20)
        with pytest.raises(OSError), pulse.step():
            raise OSError
    (found,) = problems(pulse, clock)
    assert found.problem == "has not moved since then"


def test_steps_that_prove_nothing_do_not_count_as_moving(pulse: Pulse, clock: Clock) -> None:
    clock.after(61)
    with pulse.step() as step:
        step.proved = False
    assert len(problems(pulse, clock)) == 1


def test_standing_by_is_not_stuck(pulse: Pulse, clock: Clock) -> None:
    clock.after(100)
    pulse.leads(False)
    assert problems(pulse, clock) == []


def test_a_loop_that_ended_is_dead_and_not_stuck(pulse: Pulse, clock: Clock) -> None:
    clock.after(5)
    pulse.ended("disk full")
    clock.after(100)
    assert problems(pulse, clock) == [("relay", "its loop has ended: disk full", START + timedelta(seconds=5))]


def look(position: int, *, behind: bool = True) -> list[Place]:
    return [Place("project", "orders", position, behind)]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (look(7), [("project", "orders is behind and stays at 7", START)]),
        (look(8), []),
        (look(7, behind=False), []),
        ([], []),
    ],
    ids=["stays", "moves", "has nothing to do", "is gone"],
)
def test_a_place_that_stays_although_it_is_behind(second: list[Place], expected: list[Problem]) -> None:
    movement = Movement()
    assert movement.look(look(7), START, LIMIT) == []
    assert movement.look(second, START + timedelta(seconds=61), LIMIT) == expected


def test_places_of_one_part_that_stay_are_one_problem_that_says_what_the_part_waits_for(pulse: Pulse) -> None:
    movement, places = Movement(), [Place("relay", name, 7, behind=True) for name in ("accounts", "orders")]
    movement.look(places, START, LIMIT)
    pulse.store_waits("database is locked")
    (found,) = movement.look(places, START + timedelta(seconds=61), LIMIT)
    assert with_reason(found, [pulse.state]) == (
        "relay",
        "accounts, orders are behind and stay at 7; it waits: the store: database is locked",
        START,
    )


def test_a_place_counts_from_when_it_fell_behind(clock: Clock) -> None:
    movement = Movement()
    movement.look(look(7, behind=False), START, LIMIT)
    seen: Callable[[float], list[Problem]] = lambda s: movement.look(look(7), START + timedelta(seconds=s), LIMIT)  # noqa: E731
    assert seen(100) == []
    assert seen(150) == []
    assert len(seen(161)) == 1


def test_since_when_is_not_forgotten_while_a_place_cannot_be_read() -> None:
    movement = Movement()
    movement.look(look(7), START, LIMIT)
    assert movement.look([], START + timedelta(seconds=61), LIMIT, unread={"project"}) == []
    assert movement.look(look(7), START + timedelta(seconds=62), LIMIT) == [
        ("project", "orders is behind and stays at 7", START)
    ]


def test_it_moved_while_it_could_not_be_read() -> None:
    movement = Movement()
    movement.look(look(7), START, LIMIT)
    movement.look([], START + timedelta(seconds=61), LIMIT, unread={"project"})
    assert movement.look(look(8), START + timedelta(seconds=62), LIMIT) == []
