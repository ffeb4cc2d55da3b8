"""given the times of the first events, then the slider begins where the history does."""

from datetime import UTC, datetime

from infra.queries.beginning import beginning_of

UNKNOWN = datetime(1, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def test_at_the_earliest_of_them() -> None:
    assert beginning_of([day(3), day(2), day(9)]) == day(2)


def test_not_at_a_time_that_stands_for_an_unknown_one() -> None:
    assert beginning_of([day(3), UNKNOWN, day(2), day(9)]) == day(2)


def test_at_whatever_there_is_if_that_is_all() -> None:
    assert beginning_of([UNKNOWN]) == UNKNOWN
    assert beginning_of([]) is None
