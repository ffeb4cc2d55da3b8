"""The transaction of a batch of reactions: the register's, with the tables of the reactors."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from consumers.ingest.register import Feed, MessageKey
from consumers.reactors.reacting import Kept, KeptMessage, Reacted
from consumers.reactors.reactor import Reactor, checkpoint_of
from consumers.sources.source import FeedPosition
from infra.store.backend import Backend, as_keys
from infra.store.checkpoints import compare_and_set
from infra.store.engine import LOCKED
from infra.store.reactions.reading import Touched
from infra.store.reactions.tables import derived_messages, reaction_references, reaction_wakes
from infra.store.register.tables import feeds, reactor_positions
from infra.store.register.transaction import Statements, StoredRegisterTransaction
from infra.store.stored_rules_version import expect_rules
from projections.views.columns import EPOCH, Instant

DUE_AT_ONCE = EPOCH
"""When a key is due that must be reacted to as soon as possible."""
_WITHDRAWN = ""
"""The stored digest of a message that was withdrawn and is remembered."""


class ReactionStatements(Statements):
    """The statements of a batch of reactions, prepared once."""

    def __init__(self, backend: Backend):
        super().__init__(backend)
        upsert = sqlite_insert if backend.engine.dialect.name == "sqlite" else postgresql_insert
        self.add_references = upsert(reaction_references).on_conflict_do_nothing()
        wake = upsert(reaction_wakes)
        self.schedule = wake.on_conflict_do_update(
            index_elements=["reactor", "key"], set_={"wake_at": wake.excluded.wake_at}
        )
        self.begin = upsert(reactor_positions).on_conflict_do_nothing()
        columns = ", ".join(f"d.{name}" for name in ("key", *MessageKey._fields, *KeptMessage._fields))
        self.kept = text(
            f"SELECT {columns} FROM {backend.keys(1)} CROSS JOIN {derived_messages.name} AS d "
            "WHERE d.reactor = :reactor AND d.key = k.k0"
        ).columns(since=Instant)
        wakes, derived = reaction_wakes.c, derived_messages.c
        of_key = (wakes.reactor == bindparam("of_reactor"), wakes.key == bindparam("of_key"))
        self.forget_wake = delete(reaction_wakes).where(*of_key)
        self.forget = delete(derived_messages).where(
            derived.reactor == bindparam("of_reactor"),
            derived.key == bindparam("of_key"),
            *(derived[name] == bindparam(f"the_{name}") for name in MessageKey._fields),
        )


class StoredReactionTransaction(StoredRegisterTransaction):
    """Implements consumers.reactors.reacting.ReactionTransaction, and writes what the reactors know."""

    def __init__(self, connection: Connection, backend: Backend, statements: ReactionStatements):
        super().__init__(connection, backend, statements)
        self.connection = connection
        self._of_reactors = statements

    def begin(self, reactor: Reactor, now: datetime) -> None:
        """Create the checkpoint of a reactor that has never run, at the store's beginning."""
        row = {"name": checkpoint_of(reactor), "position": 0, "begun_at": now}
        self.connection.execute(self._of_reactors.begin, [row])

    def move(self, reactor: Reactor, touched: Touched) -> None:
        """Move the checkpoint, and remember what the events refer to. Raises CheckpointMovedError."""
        name = checkpoint_of(reactor)
        compare_and_set(
            self.connection, reactor_positions, reactor_positions.c.name == name, touched.start, touched.end, name
        )
        rows = [
            {"reactor": reactor.name, "reference": stream, "key": key} for stream, key in sorted(touched.references)
        ]
        self._write(self._of_reactors.add_references, rows)

    def schedule(self, reactor: Reactor, wakes: Mapping[str, datetime]) -> None:
        """React to these keys at these instants, whatever was planned before."""
        rows = [{"reactor": reactor.name, "key": key, "wake_at": at} for key, at in sorted(wakes.items())]
        self._write(self._of_reactors.schedule, rows)

    def forget_wake(self, reactor: str, key: str) -> None:
        """Do not react to this key before its next event."""
        self._write(self._of_reactors.forget_wake, [{"of_reactor": reactor, "of_key": key}])

    def feed(self, topic: str, now: datetime) -> Feed:
        c = feeds.c
        unfinished = select(c.feed_id, c.next_offset).where(c.topic == topic, c.partition == 0, c.finished_at.is_(None))
        row = self.connection.execute(unfinished).one_or_none()
        if row is None:
            opened = insert(feeds).values(topic=topic, partition=0, opened_at=now).returning(c.feed_id, c.next_offset)
            row = self.connection.execute(opened).one()
        return Feed(row.feed_id, FeedPosition(row.next_offset))

    def kept(self, reactor: str, keys: Sequence[str]) -> Kept:
        found: dict[str, dict[MessageKey, KeptMessage]] = defaultdict(dict)
        rows = self.connection.execute(self._of_reactors.kept, {"keys": as_keys(keys), "reactor": reactor})
        for key, source, message_id, subject, digest, cause, since in rows:
            kept = KeptMessage(None if digest == _WITHDRAWN else digest, cause, since)
            found[key][MessageKey(source, message_id, subject)] = kept
        return found

    def write(self, reactor: Reactor, reacted: Reacted) -> None:
        """Write what is kept for these keys now, and when to react to them again."""
        name = reactor.name
        gone: list[dict[str, Any]] = []
        new: list[dict[str, Any]] = []
        for key in reacted.keys:
            before, after = reacted.kept_before.get(key, {}), reacted.kept[key]
            changed = {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}
            for message_key in sorted(changed):
                if message_key in before:
                    of_message = {f"the_{field}": value for field, value in message_key._asdict().items()}
                    gone.append({"of_reactor": name, "of_key": key, **of_message})
                if message_key in after:
                    new.append({"reactor": name, "key": key, **message_key._asdict(), **_columns(after[message_key])})
        self._write(self._of_reactors.forget, gone)
        self._write(insert(derived_messages), new)
        self._write(self._of_reactors.forget_wake, [{"of_reactor": name, "of_key": key} for key in reacted.keys])
        self.schedule(reactor, reacted.wakes)

    def _write(self, statement: Any, rows: Collection[Mapping[str, Any]]) -> None:
        if rows:
            self.connection.execute(statement, list(rows))


def _columns(kept: KeptMessage) -> Mapping[str, Any]:
    return kept._asdict() | {"digest": _WITHDRAWN if kept.digest is None else kept.digest}


class StoredReactions:
    """Opens the transactions of reactors."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._statements = ReactionStatements(backend)

    @contextmanager
    def transaction(self, *, storing: bool) -> Iterator[StoredReactionTransaction]:
        """Commit at the end, roll back on an error. With `storing`, begin with the store's write lock.

        Without it, writers of events go on meanwhile: enough to move a checkpoint.
        """
        with self._backend.engine.execution_options(**{LOCKED: True}).begin() as connection:
            if storing:
                self._backend.lock(connection)
            expect_rules(connection)
            yield StoredReactionTransaction(connection, self._backend, self._statements)
