"""Readings are cached, given up after some time, and never fail."""

from threading import Event

from infra.signals.sampling import Sampled, Sampler


def test_a_fresh_reading_is_used_again() -> None:
    readings = iter([1, 2])
    sampler = Sampler(lambda: next(readings), fresh=60)
    assert [sampler().value, sampler().value] == [1, 1]


def test_an_old_one_is_not() -> None:
    readings = iter([1, 2])
    sampler = Sampler(lambda: next(readings), fresh=0)
    assert [sampler().value, sampler().value] == [1, 2]


def test_a_failure_is_an_answer() -> None:
    def fail() -> int:
        raise OSError("the store is down")

    assert Sampler(fail, str)() == Sampled(None, problem="the store is down")


def test_a_reading_that_hangs_is_given_up_and_not_started_twice() -> None:
    go_on, began = Event(), []

    def hang() -> int:
        began.append(1)
        go_on.wait(30)
        return 5

    sampler = Sampler(hang, fresh=60, patience=0.05)
    assert [sampler().value, sampler().value] == [None, None]
    assert "no answer" in (sampler().problem or "")
    assert began == [1]
    go_on.set()
    while sampler().value is None:
        pass
    assert sampler().value == 5


def test_while_a_new_reading_takes_its_time_the_one_before_is_told_and_then_no_more() -> None:
    go_on, begun = Event(), []

    def read() -> int:
        begun.append(1)
        if len(begun) > 1:
            go_on.wait(30)
        return len(begun)

    sampler = Sampler(read, fresh=0, patience=0.9)
    assert sampler().value == 1
    assert sampler().value == 1, "the second one has just begun"
    assert sampler().problem is not None, "it has taken too long by now"
    go_on.set()
