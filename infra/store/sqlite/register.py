"""The register on SQLite: what ingest reads and writes, a fixed number of statements a batch."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from eventsourcing.sqlite import SQLiteCursor

from consumers.ingest.register import (
    Changes,
    Feed,
    FeedMovedError,
    MessageKey,
    Registered,
    RegisterTransaction,
    Stored,
)
from consumers.sources.source import FeedPosition
from domain.fact import Fact
from domain.subject import WAITING_ROOM
from domain.verdict import Outcome, Verdict
from infra.store.instants import from_microseconds, to_microseconds
from infra.store.mapper import EventMapper, decode_event
from infra.store.sqlite.recorder import RegisteringRecorder

_JSON = msgspec.json.Encoder()
_COUNTED = tuple(verdict.value for verdict in Verdict)


class SqliteRegister:
    """Implements consumers.ingest.register.Register."""

    def __init__(self, recorder: RegisteringRecorder, mapper: EventMapper):
        self._recorder = recorder
        self._mapper = mapper

    def feed_to_resume(self, topic: str, partition: int) -> Feed | None:
        with self._recorder.reading() as c:
            c.execute(
                'SELECT feed_id, next_offset, bytes_read, crc FROM feeds WHERE topic = ? AND "partition" = ? '
                "AND finished_at IS NULL ORDER BY feed_id DESC LIMIT 1",
                (topic, partition),
            )
            row = c.fetchone()
        return Feed(row[0], FeedPosition(*row[1:])) if row else None

    def open_feed(self, topic: str, partition: int, opened_at: datetime) -> Feed:
        with self._recorder.locked() as c:
            c.execute(
                'INSERT INTO feeds (topic, "partition", opened_at) VALUES (?, ?, ?)',
                (topic, partition, to_microseconds(opened_at)),
            )
            return Feed(int(c.lastrowid), FeedPosition())

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        with self._recorder.locked() as c:
            c.execute("UPDATE feeds SET finished_at = ? WHERE feed_id = ?", (to_microseconds(finished_at), feed_id))

    def tally(self, feed_id: int) -> Mapping[Verdict, int]:
        with self._recorder.reading() as c:
            c.execute(f"SELECT {', '.join(_COUNTED)} FROM feeds WHERE feed_id = ?", (feed_id,))
            return dict(zip(Verdict, c.fetchone(), strict=True))

    def dead_in_feed(self, feed_id: int, received_before: datetime) -> int:
        with self._recorder.reading() as c:
            c.execute(
                "SELECT (SELECT count(*) FROM letters WHERE last_feed_id = :feed) + "
                "(SELECT count(*) FROM messages WHERE verdict = 'refused' AND last_feed_id = :feed) + "
                "(SELECT count(*) FROM messages WHERE verdict = 'held' AND last_feed_id = :feed "
                "AND received_at < :before)",
                {"feed": feed_id, "before": to_microseconds(received_before)},
            )
            return int(c.fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[RegisterTransaction]:
        with self._recorder.locked() as cursor:
            yield SqliteRegisterTransaction(cursor, self._recorder, self._mapper)


class SqliteRegisterTransaction:
    """Implements consumers.ingest.register.RegisterTransaction."""

    def __init__(self, cursor: SQLiteCursor, recorder: RegisteringRecorder, mapper: EventMapper):
        self._cursor = cursor
        self._recorder = recorder
        self._mapper = mapper

    def registered(self, keys: Iterable[MessageKey]) -> Mapping[MessageKey, Registered]:
        return self._registered(
            "FROM json_each(?) AS k CROSS JOIN messages AS m ON m.source = json_extract(k.value, '$[0]') "
            "AND m.message_id = json_extract(k.value, '$[1]') AND m.subject = json_extract(k.value, '$[2]')",
            list(keys),
        )

    def waiting_voids(self, subjects: Iterable[str]) -> Mapping[MessageKey, Registered]:
        return self._registered(
            "FROM json_each(?) AS k CROSS JOIN messages AS m ON m.subject = k.value AND m.waits_in_room != 0",
            list(subjects),
        )

    def letters(self, letter_ids: Iterable[str]) -> set[str]:
        rows = self._select(
            "SELECT l.letter_id FROM json_each(?) AS k CROSS JOIN letters AS l ON l.letter_id = k.value",
            list(letter_ids),
        )
        return {row[0] for row in rows}

    def stored(self, streams: Iterable[str]) -> Mapping[str, Stored]:
        rows = self._select(
            "SELECT s.stream, s.version, s.kept FROM json_each(?) AS k CROSS JOIN streams AS s ON s.stream = k.value",
            list(streams),
        )
        return {row[0]: Stored(row[1], row[2]) for row in rows}

    def facts_of(self, streams: Iterable[str]) -> Mapping[str, list[Fact]]:
        rows = self._select(
            "SELECT e.originator_id, e.originator_version, e.topic, e.state FROM json_each(?) AS k "
            f"CROSS JOIN {self._recorder.events_table_name} AS e ON e.originator_id = k.value "
            "ORDER BY e.originator_id, e.originator_version",
            list(streams),
        )
        facts: dict[str, list[Fact]] = {}
        for row in rows:
            event = decode_event(*row)
            if isinstance(event, Fact):
                facts.setdefault(event.originator_id, []).append(event)
        return facts

    def facts_at(self, places: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Fact]:
        rows = self._select(
            "SELECT e.originator_id, e.originator_version, e.topic, e.state FROM json_each(?) AS k "
            f"CROSS JOIN {self._recorder.events_table_name} AS e ON e.originator_id = json_extract(k.value, '$[0]') "
            "AND e.originator_version = json_extract(k.value, '$[1]')",
            list(set(places)),
        )
        events = (decode_event(*row) for row in rows)
        return {(e.originator_id, e.originator_version): e for e in events if isinstance(e, Fact)}

    def save(self, changes: Changes) -> int:
        received_at = to_microseconds(changes.received_at)
        self._move_feed(changes)
        if changes.events:
            self._recorder._insert_events(self._cursor, [self._mapper.to_stored_event(e) for e in changes.events])
        self._cursor.executemany(
            "INSERT INTO messages (source, message_id, subject, type, feed_id, last_feed_id, "
            '"offset", stream, version, verdict, reason, voided, took_effect_at, '
            "recorded_at, received_at, waits_in_room) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *m.key,
                    m.type,
                    changes.feed_id,
                    changes.feed_id,
                    m.offset,
                    m.stream,
                    m.version,
                    *_outcome_columns(m.outcome),
                    to_microseconds(m.recorded_at),
                    received_at,
                    _in_waiting_room(m.stream),
                )
                for m in changes.messages
            ],
        )
        self._cursor.executemany(
            "INSERT INTO raw_messages VALUES (?, ?, ?, ?, ?)",
            [(*m.key, m.raw, _headers(m.headers)) for m in changes.messages if m.raw is not None],
        )
        self._cursor.executemany(
            "UPDATE messages SET stream = ?, version = ?, verdict = ?, reason = ?, voided = ?, took_effect_at = ?, "
            "waits_in_room = ? WHERE source = ? AND message_id = ? AND subject = ?",
            [
                (m.stream, m.version, *_outcome_columns(m.outcome), _in_waiting_room(m.stream), *m.key)
                for m in changes.changed
            ],
        )
        self._cursor.executemany(
            "UPDATE messages SET repeats = repeats + ?, differing = differing + ?, last_feed_id = ? "
            "WHERE source = ? AND message_id = ? AND subject = ?",
            [(times, differing, changes.feed_id, *key) for key, (times, differing) in changes.repeats.items()],
        )
        self._cursor.executemany(
            'INSERT INTO letters (letter_id, feed_id, last_feed_id, "offset", reason, body, headers, received_at) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    n.letter_id,
                    changes.feed_id,
                    changes.feed_id,
                    n.offset,
                    n.reason,
                    n.body,
                    _headers(n.headers),
                    received_at,
                )
                for n in changes.letters
            ],
        )
        self._cursor.executemany(
            "UPDATE letters SET repeats = repeats + ?, last_feed_id = ? WHERE letter_id = ?",
            [(times, changes.feed_id, letter_id) for letter_id, times in changes.letter_repeats.items()],
        )
        self._cursor.executemany(
            "INSERT INTO streams VALUES (?, ?, ?) "
            "ON CONFLICT (stream) DO UPDATE SET version = excluded.version, kept = excluded.kept",
            [(stream, stored.version, stored.kept) for stream, stored in changes.streams.items()],
        )
        self._cursor.executemany(
            f"UPDATE feeds SET {', '.join(f'{name} = {name} + ?' for name in _COUNTED)} WHERE feed_id = ?",
            [
                (*(tally.get(verdict, 0) for verdict in Verdict), feed_id)
                for feed_id, tally in sorted(changes.tallies.items())
            ],
        )
        return self._recorder.newest_position(self._cursor)

    def _move_feed(self, changes: Changes) -> None:
        # A compare-and-set: a reader that lost its place to another one must not store its batch again.
        self._cursor.execute(
            "UPDATE feeds SET next_offset = ?, bytes_read = ?, crc = ? "
            "WHERE feed_id = ? AND next_offset = ? AND bytes_read = ? AND crc = ? RETURNING feed_id",
            (*changes.end, changes.feed_id, *changes.start),
        )
        if self._cursor.fetchone() is None:
            raise FeedMovedError(f"another process has read on in feed {changes.feed_id}; this batch was not stored")

    def _registered(self, from_clause: str, keys: list[Any]) -> dict[MessageKey, Registered]:
        rows = self._select(
            "SELECT m.source, m.message_id, m.subject, m.feed_id, m.stream, m.version, m.verdict, m.reason, "
            f"m.took_effect_at, m.voided {from_clause}",
            keys,
        )
        return {
            MessageKey(*row[:3]): Registered(
                row[3],
                row[4],
                row[5],
                Outcome(
                    Verdict(row[6]),
                    row[7],
                    None if row[8] is None else from_microseconds(row[8]),
                    bool(row[9]),
                ),
            )
            for row in rows
        }

    def _select(self, statement: str, keys: list[Any]) -> Any:
        if not keys:
            return []
        self._cursor.execute(statement, (_JSON.encode(keys).decode(),))
        return self._cursor.fetchall()


def _outcome_columns(outcome: Outcome) -> tuple[str, str, int, int | None]:
    took_effect_at = None if outcome.took_effect_at is None else to_microseconds(outcome.took_effect_at)
    return (outcome.verdict.value, outcome.reason, int(outcome.voided), took_effect_at)


def _in_waiting_room(stream: str) -> bool:
    return stream.startswith(f"{WAITING_ROOM}-")


def _headers(headers: tuple[tuple[str, bytes], ...]) -> str:
    return json.dumps([[name, value.hex()] for name, value in headers])
