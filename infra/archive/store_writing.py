"""Writing what is new in a store: for each dataset, the rows that a run adds to its archive."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from sqlalchemy import Connection

from consumers.ingest.register import MessageKey
from infra.archive.changed_rows import CHANGING, ChangedRows
from infra.archive.dataset import Kind
from infra.archive.datasets import DATASETS, EVENTS, MALFORMED_MESSAGES, NOTICES
from infra.archive.event_rows import StoredEvents, write_event
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile
from infra.archive.partitions import Partition, month_of
from infra.archive.store_standing import StoreStanding
from infra.archive.table_rows import TableRows, size_of
from infra.archive.writing import DatasetWriter, Row
from infra.store.archived_tables import ARCHIVED_TABLES
from infra.store.backend import Backend
from infra.store.register.tables import notices

OnRows = Callable[[str, int, int], None]
"""Called now and then with a dataset, how much of it was read and how much there is: positions, or rows."""
ROWS_A_TURN = 5_000

_NOTICE_KEY = [NOTICES.names.index(name) for name in MessageKey._fields]
_NOTICE_LETTER = NOTICES.names.index("letter_id")
_TOLD_AT = NOTICES.names.index("told_at")


class Since(NamedTuple):
    """How far the archive goes: the newest event and notice.

    With `anew`, rows that can change are all written again.
    """

    position: int
    notice: int
    anew: bool


class Written(NamedTuple):
    """The new files by dataset, and the datasets of which the earlier files count no more."""

    files: Mapping[str, Sequence[ArchiveFile]]
    anew: frozenset[str]


def write_rows(
    folder: ArchiveFolder,
    connection: Connection,
    backend: Backend,
    standing: StoreStanding,
    since: Since | None,
    buckets: int,
    run: str,
    number: int,
    on_rows: OnRows,
) -> Written:
    """Write what the connection's snapshot has and the archive has not; see `archive_store`."""
    with ExitStack() as abandoned:
        writers = {name: DatasetWriter(folder, one, run, number) for name, one in DATASETS.items()}
        for writer in writers.values():
            abandoned.callback(writer.abandon)
        one_run = _Run(connection, backend, writers, buckets, since or Since(0, 0, anew=True), on_rows)
        one_run.write_events(standing.position)
        one_run.write_notices(standing.newest_notice)
        one_run.write_anew()
        one_run.write_whole()
        files = {name: one_run.close(name) for name in writers}
    whole = {name for name, dataset in DATASETS.items() if dataset.kind is Kind.WHOLE}
    return Written(files, frozenset(whole | one_run.anew))


class _Run:
    """One run's writing."""

    def __init__(
        self,
        connection: Connection,
        backend: Backend,
        writers: Mapping[str, DatasetWriter],
        buckets: int,
        since: Since,
        on_rows: OnRows,
    ):
        self._connection = connection
        self._backend = backend
        self._writers = writers
        self._buckets = buckets
        self._since = since
        self._on_rows = on_rows
        self._changed = ChangedRows(connection, backend, writers, buckets, since.position)
        self._redriven = False
        self._files: dict[str, Sequence[ArchiveFile]] = {}
        self.anew = {dataset.name for dataset in CHANGING} if since.anew else set()

    def close(self, name: str) -> Sequence[ArchiveFile]:
        """End a dataset, once; returns its files. What waits in memory is written."""
        if name not in self._files:
            self._files[name] = self._writers[name].close()
        return self._files[name]

    def write_events(self, up_to: int) -> None:
        """The new events, and the rows of messages that changed with them."""
        writer = self._writers[EVENTS.name]
        for page in StoredEvents(self._connection, self._backend).pages(self._since.position, up_to):
            for event in page:
                write_event(writer, self._buckets, event)
            if not self._since.anew:
                touched = self._changed.touched_by(page)
                self._changed.write_of_streams(touched.streams)
                self._changed.write_letters(touched.letter_ids)
                self._redriven = self._redriven or touched.redriven
            self._on_rows(EVENTS.name, page[-1][0] - self._since.position, up_to - self._since.position)
        self.close(EVENTS.name)
        if self._redriven:
            # A redrive may have given any malformed message another reason.
            self._changed.write_not_taken_streams()
            self.anew.add(MALFORMED_MESSAGES.name)

    def write_notices(self, up_to: int) -> None:
        """The new notices, and the rows of what they are about."""
        rows, column = TableRows(NOTICES, notices, self._backend), notices.c.notice_id
        after = self._since.notice
        while page := self._page(rows, select_after(rows, column, after, up_to)):
            for row in page:
                self._writers[NOTICES.name].add(row, size_of(row), Partition(month_of(row[_TOLD_AT])))
            if not self._since.anew:
                self._changed.write_repeated(_messages_named(page))
            if MALFORMED_MESSAGES.name not in self.anew:
                self._changed.write_malformed(row[_NOTICE_LETTER] for row in page if row[_NOTICE_LETTER] is not None)
            after = page[-1][0]
            self._on_rows(NOTICES.name, after - self._since.notice, up_to - self._since.notice)
        self.close(NOTICES.name)

    def write_anew(self) -> None:
        """All rows of the datasets that are written anew."""
        for dataset in CHANGING:
            if dataset.name in self.anew:
                self._changed.write_all(dataset, self._on_rows)
            self.close(dataset.name)

    def write_whole(self) -> None:
        """The small tables, whole, each in the order of its key."""
        for name, dataset in DATASETS.items():
            if dataset.kind is not Kind.WHOLE:
                continue
            rows = TableRows(dataset, ARCHIVED_TABLES[name], self._backend)
            for row in rows.stream(self._connection, rows.all(dataset.key)):
                self._writers[name].add(row, size_of(row))
            self.close(name)
            self._on_rows(name, self._writers[name].rows, self._writers[name].rows)

    def _page(self, rows: TableRows, question: Any) -> list[Row]:
        return list(rows.stream(self._connection, question))


def select_after(rows: TableRows, column: Any, after: int, up_to: int) -> Any:
    """The next rows after a number, in the order of numbers."""
    return rows.all([column.name]).where(column > after, column <= up_to).limit(ROWS_A_TURN)


def _messages_named(page: Sequence[Row]) -> Iterator[MessageKey]:
    for row in page:
        source, message_id, subject = (row[place] for place in _NOTICE_KEY)
        if source is not None and message_id is not None and subject is not None:
            yield MessageKey(source, message_id, subject)
