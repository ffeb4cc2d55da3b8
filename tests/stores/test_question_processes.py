"""given a store, when several processes settle what was known, then the answer is that of one process."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from infra.app.container import Waybill
from infra.app.processes import processes_to_read
from infra.app.settling_processes import settled_in_processes
from infra.queries.in_processes import InProcesses, QuestionStoppedError
from infra.queries.views import Asked
from infra.settings import Settings
from infra.settled_then.question import SettledPage, SettledQuestion
from infra.store.events.history import History
from infra.store.opening import Access
from projections.views.catalogue import view_named
from tests.simulated_store import FLOOR_ENDS, fill_with_floor
from tests.stores.conftest import StoreUrl

KNOWN = datetime(2026, 5, 20, tzinfo=UTC)
CLOCKS = (Asked(None, FLOOR_ENDS), Asked(datetime(2026, 5, 2, tzinfo=UTC), KNOWN))


def filled(url: str) -> str:
    with Waybill(Settings(store=url), lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 40, wrong=0.2)
    return url


@pytest.fixture
def store(new_store: StoreUrl) -> str:
    return filled(new_store())


@pytest.fixture
def in_a_file(sqlite_store: StoreUrl) -> str:
    """The same, for what does not depend on the database."""
    return filled(sqlite_store())


def asked(store: str, in_processes: InProcesses | None = None) -> Waybill:
    """A service that answers with two processes."""
    settings = Settings(store=store, question_processes=2)
    return Waybill(
        settings,
        lambda: FLOOR_ENDS,
        Access.READING,
        in_processes=in_processes or partial(settled_in_processes, settings),
    )


def everything(waybill: Waybill, clocks: Asked) -> dict[str, Any]:
    with waybill.exports.reading(waybill.exports.relations, clocks) as reader:
        answers = {one.relation: reader.answer(one, None) for one in waybill.exports.relations}
        return {name: (rows.position, [*rows.batches()]) for name, rows in answers.items()}


def overdue(waybill: Waybill) -> Any:
    return waybill.views.ask(view_named("overdue"), CLOCKS[0])


def failure_of(waybill: Waybill) -> tuple[type[BaseException], str]:
    with pytest.raises(Exception) as failed:
        overdue(waybill)
    return failed.type, str(failed.value)


def test_two_processes_give_the_rows_of_one_in_their_order(store: str) -> None:
    taken: list[bool] = []

    @contextmanager
    def noted(history: History, question: SettledQuestion) -> Iterator[Iterator[SettledPage] | None]:
        with settled_in_processes(Settings(store=store, question_processes=2), history, question) as pages:
            taken.append(pages is not None and len(multiprocessing.active_children()) == 2)
            yield pages

    with Waybill(Settings(store=store), lambda: FLOOR_ENDS, Access.READING) as one, asked(store, noted) as two:
        for clocks in CLOCKS:
            assert everything(two, clocks) == everything(one, clocks)
        assert overdue(two) == overdue(one)
    assert taken == [True, True, True]
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_an_error_and_no_shorter_answer(in_a_file: str) -> None:
    @contextmanager
    def killed(history: History, question: SettledQuestion) -> Iterator[Iterator[SettledPage] | None]:
        settings = Settings(store=in_a_file, question_processes=2)
        with settled_in_processes(settings, history, question) as pages:
            assert pages is not None
            first = next(pages)
            for worker in multiprocessing.active_children()[:1]:
                worker.kill()
                worker.join()
            yield (page for some in ([first], pages) for page in some)

    with (
        asked(in_a_file, killed) as waybill,
        pytest.raises(QuestionStoppedError, match=r"settles for this question ended with exit code -9; ask again"),
    ):
        overdue(waybill)
    assert multiprocessing.active_children() == []


def test_an_interrupted_question_leaves_no_process_and_no_file(
    in_a_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    @contextmanager
    def interrupted(history: History, question: SettledQuestion) -> Iterator[Iterator[SettledPage] | None]:
        with settled_in_processes(Settings(store=in_a_file, question_processes=2), history, question) as pages:
            assert pages is not None
            next(pages)
            raise KeyboardInterrupt
            yield pages

    with asked(in_a_file, interrupted) as waybill, pytest.raises(KeyboardInterrupt):
        overdue(waybill)
    assert multiprocessing.active_children() == []
    assert [each for each in scratch.iterdir() if each.name.startswith("waybill-")] == []


def test_an_event_that_cannot_be_read_is_the_same_error_as_of_one_process(in_a_file: str) -> None:
    with Waybill(Settings(store=in_a_file)) as waybill, waybill.engine.begin() as connection:
        damaged = f"UPDATE {waybill.backend.events_table} SET state = '{{' WHERE originator_id = 'order-SO-100004'"
        connection.execute(text(damaged))
    with Waybill(Settings(store=in_a_file), lambda: FLOOR_ENDS, Access.READING) as one, asked(in_a_file) as two:
        assert failure_of(two) == failure_of(one)
    assert multiprocessing.active_children() == []


def test_a_small_store_is_read_by_one_process_and_a_large_one_by_as_many_as_are_worth_it(
    in_a_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Waybill(Settings(store=in_a_file), access=Access.READING) as waybill:
        events = waybill.history.count_after(0)
        assert processes_to_read(waybill.history) == 1
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
        monkeypatch.setattr("infra.app.processes.EVENTS_WORTH_A_PROCESS", events // 3)
        assert processes_to_read(waybill.history) == 3
