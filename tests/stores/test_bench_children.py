"""Processes beside a measurement: one that fails or hangs ends the measurement, and none is left over."""

import os
from multiprocessing.connection import Connection
from threading import Event

import pytest

from bench.children import child


def ending_early(answer: Connection) -> None:
    answer.send("ready")
    raise SystemExit(3)


def working_for_ever(answer: Connection) -> None:
    answer.send(os.getpid())
    Event().wait()


def test_a_child_that_ends_early_is_a_failure() -> None:
    with pytest.raises(RuntimeError, match="the poll did not finish"), child("the poll", ending_early) as running:
        assert running.answer() == "ready"
        running.answer()


def test_no_child_outlives_a_failure_and_no_answer_is_waited_for_without_end() -> None:
    with pytest.raises(RuntimeError, match="did not answer within"), child("the poll", working_for_ever) as running:
        process = running.answer()
        running.answer(within=0.01)

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
