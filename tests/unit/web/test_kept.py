"""given an answer that takes long, then it is kept for a while, and those who ask at once wait for one computation."""

from threading import Barrier, Thread
from time import sleep

import pytest

from infra.web.kept import MOST_KEPT, Kept


def test_an_answer_is_computed_anew_only_after_its_time() -> None:
    now = [0.0]
    kept, computed = Kept(60.0, lambda: now[0]), iter(range(10))

    answers = []
    for now[0] in (0.0, 59.9, 60.0, 61.0):
        answers.append(kept("trends", lambda: next(computed)))

    assert answers == [0, 0, 1, 1]


def test_those_who_ask_at_once_get_one_answer() -> None:
    kept, barrier, computed, got = Kept(), Barrier(4), iter(range(10)), []

    def compute() -> int:
        sleep(0.05)  # so that the others ask meanwhile
        return next(computed)

    def ask() -> None:
        barrier.wait()
        got.append(kept("trends", compute))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [0, 0, 0, 0]


def test_a_failure_is_not_kept_and_old_answers_make_room() -> None:
    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        kept("trends", lambda: 1 // 0)
    assert kept("trends", lambda: "found") == "found"

    for key in range(MOST_KEPT):
        kept(key, lambda: "other")

    assert kept("trends", lambda: "anew") == "anew"


def test_what_is_remembered_is_bounded_whatever_fails_or_is_asked_for() -> None:
    kept = Kept()
    for key in range(3 * MOST_KEPT):
        kept(("found", key), lambda: "found")
        with pytest.raises(ZeroDivisionError):
            kept(("failed", key), lambda: 1 // 0)

    assert kept.size <= MOST_KEPT


def test_those_who_wait_for_what_fails_compute_it_one_after_another() -> None:
    kept, barrier, computing, most, got = Kept(), Barrier(4), [0], [0], []

    def fail() -> str:
        computing[0] += 1
        most[0] = max(most[0], computing[0])
        sleep(0.02)
        computing[0] -= 1
        raise ZeroDivisionError

    def ask() -> None:
        barrier.wait()
        with pytest.raises(ZeroDivisionError):
            kept("trends", fail)
        got.append(kept.size)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most[0], len(got), kept.size) == (1, 4, 0)
