"""The transaction of a batch: the reads and writes of ingest in a fixed number of statements, on each database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from consumers.ingest.register import (
    Changes,
    FiledFacts,
    KnownMalformed,
    MessageKey,
    Move,
    PrunedStream,
    Registered,
    StoredStream,
)
from consumers.ingest.snapshots import LONG_STREAM
from consumers.sources.source import FeedPosition
from domain.checkpoint import CheckpointMovedError
from domain.derived import facts_after, facts_among
from domain.fact import Fact, StreamEvent
from domain.operator.acts import OperatorAct
from domain.pruning import pruned_by
from domain.verdict import APPLIED, Outcome, Verdict
from infra.store.backend import Backend, as_keys
from infra.store.bulk import BulkInsert
from infra.store.events.codec import EVENT_COLUMNS, decode_event, encode_event
from infra.store.events.history import head_seen
from infra.store.operator_log import append_acts
from infra.store.register.rows import (
    ChangedMessageRow,
    ClockHoldRow,
    IgnoredFieldsRow,
    MalformedMessageRow,
    MessageRow,
    NoticeRow,
    RawMessageRow,
    SnapshotRow,
)
from infra.store.register.tables import (
    clock_holds,
    feeds,
    ignored_fields,
    malformed_messages,
    messages,
    notices,
    raw_messages,
    snapshots,
)
from projections.views.columns import Instant

_COUNTED = tuple(verdict.value for verdict in Verdict)


class Statements:
    """The statements of a batch, prepared once. A list of keys is one JSON parameter."""

    def __init__(self, backend: Backend):
        registered = f"SELECT {', '.join(f'm.{name}' for name in _REGISTERED)} FROM"
        # The exact condition of the partial index; otherwise SQLite would not use it.
        waits = "m.waits_in_room != 0" if backend.engine.dialect.name == "sqlite" else "m.waits_in_room"
        event = f"SELECT {EVENT_COLUMNS} FROM"
        self.registered = text(
            f"{registered} {backend.keys(3)} JOIN messages AS m "
            "ON m.source = k.k0 AND m.message_id = k.k1 AND m.subject = k.k2"
        ).columns(took_effect_at=Instant)
        self.waiting_voids = text(
            f"{registered} {backend.keys(1)} JOIN messages AS m ON m.subject = k.k0 AND {waits}"
        ).columns(took_effect_at=Instant)
        self.malformed = text(
            f"SELECT m.letter_id, m.feed_id, m.repeats FROM {backend.keys(1)} "
            f"JOIN {malformed_messages.name} AS m ON m.letter_id = k.k0"
        )
        # Their index is partial; without its condition SQLite would not use it.
        self.malformed_claiming = text(
            f"SELECT m.letter_id, k.k0, k.k1, k.k2 FROM {backend.keys(3)} JOIN {malformed_messages.name} AS m "
            "ON m.claimed_subject = k.k2 AND m.claimed_subject IS NOT NULL "
            "AND m.claimed_source = k.k0 AND m.claimed_id = k.k1 ORDER BY m.letter_id"
        )
        self.has_malformed = text(f"SELECT EXISTS (SELECT 1 FROM {malformed_messages.name})")
        self.versions = text(
            f"SELECT k.k0, (SELECT max(e.originator_version) FROM {backend.events_table} AS e "
            f"WHERE e.originator_id = k.k0) FROM {backend.keys(1)}"
        )
        self.snapshots = text(
            f"SELECT s.stream, s.version, s.snapshot FROM {backend.keys(1)} "
            f"JOIN {snapshots.name} AS s ON s.stream = k.k0"
        )
        self.facts_of = text(
            f"{event} {backend.keys(1)} JOIN {backend.events_table} AS e ON e.originator_id = k.k0 "
            "ORDER BY e.originator_id, e.originator_version"
        )
        self.facts_at = text(
            f"{event} {backend.keys(2)} JOIN {backend.events_table} AS e "
            "ON e.originator_id = k.k0 AND e.originator_version = CAST(k.k1 AS bigint)"
        )
        dialect = backend.engine.dialect
        upsert = (sqlite_insert if dialect.name == "sqlite" else postgresql_insert)(snapshots)
        self.put_snapshots = upsert.on_conflict_do_update(
            index_elements=["stream"], set_={"version": upsert.excluded.version, "snapshot": upsert.excluded.snapshot}
        )
        self.change_messages = (
            update(messages)
            .where(*_is_message(messages))
            .values({name: bindparam(f"new_{name}") for name in ChangedMessageRow._fields})
        )
        self.new_messages = BulkInsert(messages, backend.engine, MessageRow._fields)
        self.new_raw_messages = BulkInsert(raw_messages, backend.engine, RawMessageRow._fields)
        self.new_malformed = BulkInsert(malformed_messages, backend.engine, MalformedMessageRow._fields)
        # A compare-and-set of all checkpoints of a batch: a reader whose feed was continued by another one must not
        # store its batch again.
        # The keys of a feed are its id, the position at the start of its batch, and the one at the end.
        columns = FeedPosition._fields
        first_of_end = 1 + len(columns)
        at_start = " AND ".join(f"feeds.{name} = CAST(k.k{n} AS bigint)" for n, name in enumerate(columns, 1))
        to_end = ", ".join(f"{name} = CAST(k.k{n} AS bigint)" for n, name in enumerate(columns, first_of_end))
        self.move_feeds = text(
            f"UPDATE feeds SET {to_end}, moved_at = :now FROM {backend.keys(first_of_end + len(columns))} "
            f"WHERE feeds.feed_id = CAST(k.k0 AS integer) AND {at_start} RETURNING feeds.feed_id"
        ).bindparams(bindparam("now", type_=Instant()))
        self.due = (
            select(*(clock_holds.c[name] for name in MessageKey._fields))
            .where(clock_holds.c.held_until <= bindparam("now", type_=Instant))
            .order_by(clock_holds.c.held_until)
            .limit(bindparam("most"))
        )
        self.end_clock_holds = delete(clock_holds).where(*_is_message(clock_holds))
        self.withdraw = [delete(table).where(*_is_message(table)) for table in _OF_A_MESSAGE]
        self.new_clock_holds = BulkInsert(clock_holds, backend.engine, ClockHoldRow._fields)
        self.new_ignored = BulkInsert(ignored_fields, backend.engine, IgnoredFieldsRow._fields)
        self.new_notices = BulkInsert(notices, backend.engine, NoticeRow._fields)


class StoredRegisterTransaction:
    """Implements consumers.ingest.register.RegisterTransaction."""

    def __init__(self, connection: Connection, backend: Backend, statements: Statements):
        self._connection = connection
        self._backend = backend
        self._statements = statements

    def append_acts(self, acts: Sequence[OperatorAct]) -> None:
        """Append operators' acts in this transaction, after everything else."""
        append_acts(self._connection, self._backend, acts)

    def registered(self, keys: Iterable[MessageKey]) -> Mapping[MessageKey, Registered]:
        return _by_key(self._select(self._statements.registered, keys))

    def waiting_voids(self, subjects: Iterable[str]) -> Mapping[MessageKey, Registered]:
        return _by_key(self._select(self._statements.waiting_voids, subjects))

    def has_malformed(self) -> bool:
        return bool(self._connection.execute(self._statements.has_malformed).scalar_one())

    def malformed(self, letter_ids: Iterable[str]) -> Mapping[str, KnownMalformed]:
        rows = self._select(self._statements.malformed, letter_ids)
        return {row[0]: KnownMalformed(row[1], row[2]) for row in rows}

    def malformed_claiming(self, keys: Iterable[MessageKey]) -> Sequence[tuple[str, MessageKey]]:
        rows = self._select(self._statements.malformed_claiming, keys)
        return [(row[0], MessageKey(*row[1:])) for row in rows]

    def head(self) -> int:
        return head_seen(self._connection, self._backend)

    def stored(self, streams: Iterable[str]) -> Mapping[str, StoredStream]:
        rows = self._select(self._statements.versions, streams)
        versions = {row[0]: row[1] for row in rows if row[1] is not None}
        long = [stream for stream, version in versions.items() if version >= LONG_STREAM]
        found = self._select(self._statements.snapshots, long)
        newest = {stream: snapshot for stream, version, snapshot in found if version == versions[stream]}
        return {stream: StoredStream(version, newest.get(stream)) for stream, version in versions.items()}

    def facts_of(self, streams: Iterable[str]) -> FiledFacts:
        events: dict[str, list[StreamEvent]] = {}
        for row in self._select(self._statements.facts_of, streams):
            event = decode_event(*row)
            events.setdefault(event.originator_id, []).append(event)
        whole: dict[str, list[Fact]] = {}
        pruned: dict[str, PrunedStream] = {}
        for stream, told in events.items():
            if (gone := pruned_by(told)) is None:
                whole[stream] = facts_among(told)
            else:
                pruned[stream] = PrunedStream(gone, facts_after(gone, told))
        return FiledFacts(whole, pruned)

    def due(self, now: datetime, most: int) -> list[MessageKey]:
        rows = self._connection.execute(self._statements.due, {"now": now, "most": most}).all()
        return [MessageKey(*row) for row in rows]

    def facts_at(self, places: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Fact]:
        events = (decode_event(*row) for row in self._select(self._statements.facts_at, set(places)))
        return {(e.originator_id, e.originator_version): e for e in events if isinstance(e, Fact)}

    def save(self, changes: Changes) -> int:
        connection, statements, received_at = self._connection, self._statements, changes.received_at
        self._move_feeds(changes.moves, received_at)
        if changes.events:
            rows = [(new.stream, new.version, new.event.TOPIC, encode_event(new.event)) for new in changes.events]
            self._backend.insert_events(connection, rows)
        for statement in statements.withdraw if changes.withdrawn else ():
            self._execute_many(statement, [_names(key) for key in changes.withdrawn])
        received = changes.received_before
        statements.new_messages(
            connection,
            [
                MessageRow.of(new, received.get(new.arrival.key, received_at) if received else received_at)
                for new in changes.messages
            ],
        )
        statements.new_raw_messages(
            connection,
            [RawMessageRow.of(new) for new in changes.messages if new.outcome.verdict is not APPLIED],
        )
        statements.new_malformed(connection, [MalformedMessageRow.of(new, received_at) for new in changes.malformed])
        statements.new_notices(connection, [NoticeRow.of(notice, received_at) for notice in changes.notices])
        statements.new_ignored(connection, [IgnoredFieldsRow.of(one) for one in changes.ignored])
        holds = [ClockHoldRow(*key, held_until) for key, held_until in changes.clock_holds.items()]
        statements.new_clock_holds(connection, holds)
        self._execute_many(statements.end_clock_holds, [_names(key) for key in changes.clock_holds_ended])
        self._update_messages(changes)
        self._put_snapshots(changes.snapshots)
        self._count(changes.tallies)
        return self.head()

    def _move_feeds(self, moves: Sequence[Move], now: datetime) -> None:
        if not moves:
            return
        keys = as_keys((move.feed_id, *move.start, *move.end) for move in moves)
        moved = set(self._connection.execute(self._statements.move_feeds, {"keys": keys, "now": now}).scalars())
        for move in moves:
            if move.feed_id not in moved:
                raise CheckpointMovedError(
                    f"another process has continued feed {move.feed_id}; this batch was not stored"
                )

    def _update_messages(self, changes: Changes) -> None:
        self._execute_many(
            self._statements.change_messages,
            [
                {
                    **_names(changed.key),
                    **{f"new_{name}": value for name, value in ChangedMessageRow.of(changed)._asdict().items()},
                }
                for changed in changes.changed
            ],
        )
        self._execute_many(
            update(messages)
            .where(*_is_message(messages))
            .values(
                repeats=messages.c.repeats + bindparam("times"),
                differing=messages.c.differing + bindparam("other_content"),
                last_feed_id=bindparam("the_feed"),
            ),
            [
                {**_names(key), "times": times, "other_content": differing, "the_feed": last_feed_id}
                for key, (times, differing, last_feed_id) in changes.repeats.items()
            ],
        )
        self._execute_many(
            update(malformed_messages)
            .where(malformed_messages.c.letter_id == bindparam("the_letter"))
            .values(repeats=malformed_messages.c.repeats + bindparam("times"), last_feed_id=bindparam("the_feed")),
            [
                {"the_letter": letter_id, "times": repeats.times, "the_feed": repeats.last_feed_id}
                for letter_id, repeats in changes.malformed_repeats.items()
            ],
        )
        self._execute_many(
            update(messages).where(*_is_message(messages)).values(discarded_at=bindparam("discarded")),
            [{**_names(key), "discarded": at} for key, at in changes.discarded_before.items()],
        )
        self._execute_many(
            update(malformed_messages)
            .where(malformed_messages.c.letter_id == bindparam("the_letter"))
            .values(reason=bindparam("new_reason")),
            [
                {"the_letter": letter_id, "new_reason": reason}
                for letter_id, reason in changes.malformed_reasons.items()
            ],
        )
        self._execute_many(
            delete(malformed_messages).where(malformed_messages.c.letter_id == bindparam("the_letter")),
            [{"the_letter": letter_id} for letter_id in changes.malformed_released],
        )

    def _put_snapshots(self, stored: Mapping[str, StoredStream]) -> None:
        # In the order of names, as in all code that locks several rows.
        rows = [SnapshotRow(stream, *one)._asdict() for stream, one in sorted(stored.items())]
        self._execute_many(self._statements.put_snapshots, rows)

    def _count(self, tallies: Mapping[int, Mapping[Verdict, int]]) -> None:
        self._execute_many(
            update(feeds)
            .where(feeds.c.feed_id == bindparam("the_feed"))
            .values({name: feeds.c[name] + bindparam(f"more_{name}") for name in _COUNTED}),
            [
                {"the_feed": feed_id, **{f"more_{verdict.value}": tally.get(verdict, 0) for verdict in Verdict}}
                for feed_id, tally in sorted(tallies.items())
            ],
        )

    def _execute_many(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)

    def _select(self, statement: Any, keys: Iterable[Any]) -> Sequence[Any]:
        listed = list(keys)
        if not listed:
            return ()
        return self._connection.execute(statement, {"keys": as_keys(listed)}).all()


_REGISTERED = (*MessageKey._fields, "feed_id", "stream", "version", *Outcome.__struct_fields__)
"""The columns of a message's row for `Registered`."""


_OF_A_MESSAGE = (messages, raw_messages, clock_holds, ignored_fields)
"""The tables with rows of a registered message."""


def _is_message(table: Table) -> tuple[Any, ...]:
    return tuple(table.c[name] == bindparam(f"the_{name}") for name in MessageKey._fields)


def _names(key: MessageKey) -> dict[str, str]:
    return {f"the_{name}": value for name, value in key._asdict().items()}


def _by_key(rows: Sequence[Any]) -> dict[MessageKey, Registered]:
    return {
        MessageKey(source, message_id, subject): Registered(
            feed_id, stream, version, Outcome(Verdict(verdict), reason, took_effect_at, bool(voided))
        )
        for (
            source,
            message_id,
            subject,
            feed_id,
            stream,
            version,
            verdict,
            reason,
            took_effect_at,
            voided,
        ) in rows
    }
