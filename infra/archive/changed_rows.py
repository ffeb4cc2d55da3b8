"""The rows of messages that changed since the archive's last run, found without reading the others.

A message's row changes for one of these reasons, each of which leaves a trace in the order of the store:

- its stream has a new event: a new message of a subject may change the outcome of any other;
- it came again, was voided while it was refused, or superseded a malformed one: there is a notice;
- an operator discarded or restored it, which is an act with its letter id;
- an operator redrove dead letters, which is an act: any message of their streams may have another outcome.

Malformed messages have no streams. For them, notices and acts say it all, but a redrive may change all their reasons.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, text

from consumers.ingest.register import MessageKey
from domain.derived import RESERVED_SOURCES
from domain.fact import EVENT_CLASSES, Fact
from domain.operator.acts import DeadLetterDiscarded, DeadLetterEdited, DeadLetterRestored, DeadLettersRedriven
from domain.streams import is_operator_stream, split_stream_name
from infra.archive.dataset import Dataset
from infra.archive.datasets import IGNORED_FIELDS, MALFORMED_MESSAGES, MESSAGES, RAW_MESSAGES
from infra.archive.event_rows import StoredEvent
from infra.archive.partitions import WHOLE, Partition, bucket_of
from infra.archive.table_rows import TableRows, in_pages, size_of
from infra.archive.writing import DatasetWriter, Row
from infra.store.backend import Backend, as_keys
from infra.store.register.tables import (
    AMONG_NOT_APPLIED,
    ignored_fields,
    malformed_messages,
    messages,
    raw_messages,
)

_TABLES = {
    MESSAGES.name: messages,
    RAW_MESSAGES.name: raw_messages,
    IGNORED_FIELDS.name: ignored_fields,
    MALFORMED_MESSAGES.name: malformed_messages,
}
CHANGING: Sequence[Dataset] = (MESSAGES, RAW_MESSAGES, IGNORED_FIELDS, MALFORMED_MESSAGES)
"""The datasets of rows that can change."""
_NAMES_A_LETTER = frozenset(act.TOPIC for act in (DeadLetterDiscarded, DeadLetterRestored, DeadLetterEdited))
_AMONG_NOT_APPLIED = AMONG_NOT_APPLIED.replace("messages.", "m.")
_SUBJECT = MESSAGES.names.index("subject")
_STREAMS_AT_ONCE = 200
_EVENTS_AT_ONCE = 1_000
ROWS_A_TURN = 5_000


class _Act(msgspec.Struct):
    letter_id: str


class _Named(msgspec.Struct):
    source: str
    message_id: str


_ACT = msgspec.json.Decoder(_Act)
_NAMED = msgspec.json.Decoder(_Named)


class Touched(NamedTuple):
    """What a page of new events says about earlier rows."""

    streams: Sequence[str]
    letter_ids: Sequence[str]
    redriven: bool


class ChangedRows:
    """Writes the rows that changed after a position, or all rows. `writers` has one for each dataset of CHANGING."""

    def __init__(
        self,
        connection: Connection,
        backend: Backend,
        writers: Mapping[str, DatasetWriter],
        buckets: int,
        after: int,
    ):
        self._connection = connection
        self._writers = writers
        self._buckets = buckets
        self._after = after
        self._rows = {dataset.name: TableRows(dataset, _TABLES[dataset.name], backend) for dataset in CHANGING}
        self._of_message = {
            dataset.name: self._rows[dataset.name].by(dataset.key)
            for dataset in (MESSAGES, RAW_MESSAGES, IGNORED_FIELDS)
        }
        self._of_letter = self._rows[MESSAGES.name].by(["letter_id"], _AMONG_NOT_APPLIED)
        self._malformed = self._rows[MALFORMED_MESSAGES.name].by(["letter_id"])
        position, table = f"e.{backend.position}", backend.events_table
        self._events_before = text(
            f"SELECT e.originator_id FROM {backend.keys(2)} JOIN {table} AS e ON e.originator_id = k.k0 "
            f"AND e.originator_version = CAST(k.k1 AS bigint) WHERE {position} > :after"
        )
        self._of_streams = text(
            f"SELECT {position}, e.originator_id, e.topic, e.state FROM {backend.keys(1)} JOIN {table} AS e "
            "ON e.originator_id = k.k0 ORDER BY e.originator_id, e.originator_version"
        )

    def write_all(self, dataset: Dataset, on_rows: Callable[[str, int, int], None]) -> None:
        """Write all rows of a dataset; `on_rows` is called now and then with how many are written, of how many."""
        rows, number = self._rows[dataset.name], 0
        total = rows.count(self._connection)
        for number, row in enumerate(rows.stream(self._connection, rows.all()), 1):
            self._write(dataset, row)
            if number % ROWS_A_TURN == 0:
                on_rows(dataset.name, number, total)
        on_rows(dataset.name, number, total)

    def touched_by(self, page: Sequence[StoredEvent]) -> Touched:
        """The streams of which these are the first new events, and the dead letters on which operators acted."""
        first: dict[str, int] = {}
        letter_ids, redriven = [], False
        for _, stream, version, topic, state in page:
            if not is_operator_stream(stream):
                first.setdefault(stream, version)
            elif topic in _NAMES_A_LETTER:
                letter_ids.append(_ACT.decode(state).letter_id)
            elif topic == DeadLettersRedriven.TOPIC:
                redriven = True
        earlier = [(stream, version - 1) for stream, version in first.items() if version > 1]
        keys = {"keys": as_keys(earlier), "after": self._after}
        seen = set(self._connection.execute(self._events_before, keys).scalars()) if earlier else set()
        return Touched([stream for stream in first if stream not in seen], letter_ids, redriven)

    def write_of_streams(self, streams: Iterable[str]) -> None:
        """Write the rows of all messages of these streams, and say which of them the store has no more."""
        for some in in_pages(streams, _STREAMS_AT_ONCE):
            for page in in_pages(self._messages_of(some)):
                self._write_messages(dict(page))

    def write_not_taken_streams(self) -> None:
        """Write the rows of all messages of the streams that have a held or refused one."""
        streaming = {"stream_results": True, "yield_per": _STREAMS_AT_ONCE}
        question = select(messages.c.stream).where(text(AMONG_NOT_APPLIED)).distinct()
        self.write_of_streams(self._connection.execute(question, execution_options=streaming).scalars())

    def write_repeated(self, keys: Iterable[MessageKey]) -> None:
        """Write the rows of these messages, which are not new."""
        for some in in_pages(keys):
            for row in self._found(MESSAGES, list(dict.fromkeys(some))):
                self._write(MESSAGES, row)

    def write_letters(self, letter_ids: Sequence[str]) -> None:
        """Write the rows of these dead letters, well-formed or malformed."""
        for some in in_pages(dict.fromkeys(letter_ids)):
            for row in self._rows[MESSAGES.name].found(self._connection, self._of_letter, some):
                self._write(MESSAGES, row)
            for row in self._rows[MALFORMED_MESSAGES.name].found(self._connection, self._malformed, some):
                self._write(MALFORMED_MESSAGES, row)

    def write_malformed(self, letter_ids: Iterable[str]) -> None:
        """Write the rows of these malformed messages, and say which of them the store has no more."""
        rows = self._rows[MALFORMED_MESSAGES.name]
        for some in in_pages(letter_ids):
            wanted = dict.fromkeys(some)
            for row in rows.found(self._connection, self._malformed, list(wanted)):
                wanted.pop(row[0])
                self._write(MALFORMED_MESSAGES, row)
            for letter_id in wanted:
                self._write(MALFORMED_MESSAGES, rows.deleted([letter_id]))

    def _messages_of(self, streams: Sequence[str]) -> Iterator[tuple[MessageKey, bool]]:
        """The messages that the events of these streams are or are about, and whether one of their facts is new."""
        streaming = {"stream_results": True, "yield_per": _EVENTS_AT_ONCE}
        found: dict[MessageKey, bool] = {}
        of_stream, subject = "", ""
        events = self._connection.execute(self._of_streams, {"keys": as_keys(streams)}, execution_options=streaming)
        for position, stream, topic, state in events:
            if stream != of_stream:
                yield from found.items()
                found, of_stream, subject = {}, stream, split_stream_name(stream)[1]
            named = _NAMED.decode(bytes(state))
            key = MessageKey(named.source, named.message_id, subject)
            found[key] = found.get(key, False) or (position > self._after and _is_fact(topic))
        yield from found.items()

    def _write_messages(self, keys: Mapping[MessageKey, bool]) -> None:
        missing = dict.fromkeys(keys)
        for row in self._found(MESSAGES, list(keys)):
            missing.pop(MessageKey(*row[:3]), None)
            self._write(MESSAGES, row)
        for key in missing:
            self._write(MESSAGES, self._rows[MESSAGES.name].deleted(key))
        # What a message had when it came stays so, except of a derived one, which may be withdrawn and stated again.
        may_differ = [key for key, is_new in keys.items() if is_new or key.source.startswith(RESERVED_SOURCES)]
        for dataset in (RAW_MESSAGES, IGNORED_FIELDS):
            gone = {key for key in may_differ if key.source.startswith(RESERVED_SOURCES)}
            for row in self._found(dataset, may_differ):
                gone.discard(MessageKey(*row[:3]))
                self._write(dataset, row)
            for key in sorted(gone):
                self._write(dataset, self._rows[dataset.name].deleted(key))

    def _found(self, dataset: Dataset, keys: Sequence[MessageKey]) -> list[Row]:
        rows = self._rows[dataset.name]
        return rows.found(self._connection, self._of_message[dataset.name], keys) if keys else []

    def _write(self, dataset: Dataset, row: Row) -> None:
        partition = Partition(bucket=bucket_of(row[_SUBJECT], self._buckets)) if dataset.buckets else WHOLE
        self._writers[dataset.name].add(row, size_of(row), partition)


def _is_fact(topic: str) -> bool:
    event_class: Any = EVENT_CLASSES.get(topic)
    return event_class is not None and issubclass(event_class, Fact)
