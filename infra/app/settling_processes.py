"""Settling in several processes, for one question about what was known: each settles a range of the streams.

Only commands do so. A process that serves several people answers each of them alone, so that no question takes all
processors. See docs/decisions/031-past-questions.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection

from infra.app.container import Waybill
from infra.app.processes import PARTS_A_PROCESS, processes_to_read
from infra.app.workers import PagesOf, Workers, do_parts
from infra.queries.in_processes import QuestionStoppedError
from infra.settings import Settings
from infra.settled_then.question import SettledPage, SettledQuestion, settled_pages
from infra.store.events.history import History
from infra.store.events.ranges import StreamRange, cut
from infra.store.opening import Access


@contextmanager
def settled_in_processes(
    settings: Settings, history: History, question: SettledQuestion
) -> Iterator[Iterator[SettledPage] | None]:
    """The pages of all stored streams of a question; None if one process is as fast. At the end, no process is left.

    Raises what stopped a process, while the pages are read.
    """
    processes = settings.question_processes or processes_to_read(history)
    parts = _parts(history, question, processes) if processes > 1 else []
    if len(parts) < 2:
        yield None
        return
    with Workers(work, (settings, question, parts), len(parts), processes, _stopped) as workers:
        yield workers.pages()


def work(settings: Settings, question: SettledQuestion, parts: list[StreamRange], leader: Connection) -> None:
    """The main function of a worker."""
    do_parts(settings, leader, partial(_settling, settings, question, parts))


@contextmanager
def _settling(settings: Settings, question: SettledQuestion, parts: list[StreamRange]) -> Iterator[PagesOf]:
    with Waybill(settings, access=Access.READING) as waybill:
        history, derived = waybill.history, question.derived(waybill.history)
        facts_of = partial(history.facts_of_kinds, question.kinds, question.up_to)
        yield lambda part: settled_pages(question, derived, facts_of(parts[part]))


def _parts(history: History, question: SettledQuestion, processes: int) -> list[StreamRange]:
    kinds = question.kinds
    total = history.count_of_kinds(kinds, question.up_to)
    return cut(StreamRange(), history.sizes(StreamRange(), kinds), total, processes * PARTS_A_PROCESS)


def _stopped(how: str) -> QuestionStoppedError:
    return QuestionStoppedError(f"a process that settles for this question {how}; ask again")
