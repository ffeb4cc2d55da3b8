"""given a work in several processes, when one of them fails, then the leader raises its error, and no process is left.

A process takes a second to start, so there is one test for each way to end.
"""

import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

import pytest

from infra.app.workers import PagesOf, Workers, do_parts
from infra.settings import Settings
from infra.store.opening import SharedSessionsError
from projections.views.columns import UnreadableValueError


class StoppedError(Exception):
    """A process ended or failed."""


def work(settings: Settings, ready: Callable[[], AbstractContextManager[PagesOf]], leader: Connection) -> None:
    """The main function of the workers here."""
    do_parts(settings, leader, ready)


def open_behind_a_pooler() -> AbstractContextManager[PagesOf]:
    raise SharedSessionsError


def read(error: Exception | type[Exception], part: int) -> list[int]:
    if part == 1:
        raise UnreadableValueError("yesterday", "an instant") if error is UnreadableValueError else error
    return [part]


def meet(error: Exception | type[Exception]) -> AbstractContextManager[PagesOf]:
    return nullcontext(partial(read, error))


def pages(ready: Callable[[], AbstractContextManager[PagesOf]]) -> list[int]:
    with Workers(work, (Settings(store="sqlite:///none.db"), ready), 2, 2, StoppedError) as workers:
        return list(workers.pages())


def test_an_error_of_a_page_is_raised_by_the_leader_as_what_it_is() -> None:
    with pytest.raises(UnreadableValueError, match=r"^a stored value is not an instant: 'yesterday'$"):
        pages(partial(meet, UnreadableValueError))
    assert multiprocessing.active_children() == []


def test_an_error_while_the_store_is_opened_is_raised_by_the_leader_as_what_it_is() -> None:
    with pytest.raises(SharedSessionsError) as raised:
        pages(open_behind_a_pooler)
    assert str(raised.value) == str(SharedSessionsError())


@pytest.mark.parametrize("error", [EOFError("a file ends early"), ConnectionResetError(104, "reset by the server")])
def test_a_lost_connection_that_is_not_the_leader_is_a_failure(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        pages(partial(meet, error))
    assert str(raised.value) == str(error)


def test_workers_that_were_started_end_if_a_later_one_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = ForkServerProcess.start, list[ForkServerProcess]()

    def start_one(worker: ForkServerProcess) -> None:
        if started:
            raise OSError(11, "Resource temporarily unavailable")
        start(worker)
        started.append(worker)

    monkeypatch.setattr(ForkServerProcess, "start", start_one)
    with pytest.raises(OSError, match="temporarily unavailable"):
        pages(partial(meet, UnreadableValueError))
    assert len(started) == 1
    assert multiprocessing.active_children() == []


def test_a_worker_whose_leader_is_gone_ends_without_an_error() -> None:
    context = multiprocessing.get_context("forkserver")
    own, theirs = context.Pipe()
    worker = context.Process(target=work, args=(Settings(store="sqlite:///none.db"), partial(meet, KeyError), theirs))
    worker.start()
    theirs.close()
    own.send(0)
    assert own.recv() == 0
    own.close()
    worker.join(60)
    assert worker.exitcode == 0
