"""Transactions on dead letters: what redrive reads and writes beside a batch, and what sets letters aside."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text, update

from consumers.ingest.redrive import KeptMalformed
from consumers.sources.source import RawMessage
from infra.store.backend import Backend, as_keys
from infra.store.register.headers import read_headers
from infra.store.register.set_aside import is_marked, is_open_dead, is_open_malformed
from infra.store.register.tables import AMONG_NOT_APPLIED, feeds, letters_set_aside, malformed_messages, messages
from infra.store.register.transaction import Statements, StoredRegisterTransaction
from infra.store.stored_rules_version import expect_rules


class LettersTransaction(StoredRegisterTransaction):
    """A transaction that holds the store's write lock from its start, with the dead letters in it."""

    def __init__(self, connection: Connection, backend: Backend, statements: Statements):
        super().__init__(connection, backend, statements)
        self._kept = select(malformed_messages).where(
            malformed_messages.c.letter_id.in_(text(f"SELECT k.k0 FROM {backend.keys(1)}"))
        )

    def kept_malformed(self, letter_ids: Sequence[str]) -> list[KeptMalformed]:
        """Those of these malformed messages that are still stored, in the order of these ids."""
        rows = self._connection.execute(self._kept, {"keys": as_keys(letter_ids)}).all()
        found = {
            row.letter_id: KeptMalformed(
                row.letter_id,
                row.reason,
                row.feed_id,
                row.last_feed_id,
                row.repeats,
                row.received_at,
                row.discarded_at,
                RawMessage(row.offset, row.body, read_headers(row.headers)),
            )
            for row in rows
        }
        return [found[letter_id] for letter_id in letter_ids if letter_id in found]

    def streams_of(self, letter_ids: Sequence[str]) -> list[str]:
        """The streams of those of these letters that are held or refused now, in the order of names."""
        among = messages.c.letter_id.in_(letter_ids)
        question = select(messages.c.stream).where(text(AMONG_NOT_APPLIED), among).distinct()
        return sorted(self._connection.execute(question).scalars())

    def open_finished_feed(self, topic: str, now: datetime) -> int:
        """A feed for messages that an operator makes in this transaction; returns its id."""
        opened = insert(feeds).values(topic=topic, partition=0, opened_at=now, finished_at=now)
        return int(self._connection.execute(opened.returning(feeds.c.feed_id)).scalar_one())

    def set_aside(
        self, letter_ids: Sequence[str], how: str, operator: str, reason: str, now: datetime, limit: datetime
    ) -> list[str]:
        """Set dead letters aside, and record how, by whom and why; returns the ids of those that were not before.

        `limit` is that of infra.store.register.dead: a held message that has not expired is no dead letter.
        """
        open_ones = update(messages).where(is_open_dead(limit), messages.c.letter_id.in_(letter_ids))
        malformed = update(malformed_messages).where(
            malformed_messages.c.letter_id.in_(letter_ids), is_open_malformed()
        )
        execute = self._connection.execute
        done = [
            *execute(open_ones.values(discarded_at=now).returning(messages.c.letter_id)).scalars(),
            *execute(malformed.values(discarded_at=now).returning(malformed_messages.c.letter_id)).scalars(),
        ]
        self._forget(done)
        if done:
            rows = [{"letter_id": one, "how": how, "operator": operator, "reason": reason, "at": now} for one in done]
            execute(insert(letters_set_aside), rows)
        return _in_order_of(letter_ids, done)

    def take_back(self, letter_ids: Sequence[str]) -> list[str]:
        """Undo what `set_aside` did to these letters; returns the ids of those that were set aside so."""
        execute = self._connection.execute
        well_formed = update(messages).where(
            text(AMONG_NOT_APPLIED), messages.c.letter_id.in_(letter_ids), messages.c.discarded_at.is_not(None)
        )
        malformed = update(malformed_messages).where(malformed_messages.c.letter_id.in_(letter_ids), is_marked())
        done = [
            *execute(well_formed.values(discarded_at=None).returning(messages.c.letter_id)).scalars(),
            *execute(malformed.values(discarded_at=None).returning(malformed_messages.c.letter_id)).scalars(),
        ]
        self._forget(done)
        return _in_order_of(letter_ids, done)

    def _forget(self, letter_ids: Sequence[str]) -> None:
        if letter_ids:
            self._connection.execute(delete(letters_set_aside).where(letters_set_aside.c.letter_id.in_(letter_ids)))


def _in_order_of(letter_ids: Sequence[str], some: Sequence[str]) -> list[str]:
    found = set(some)
    return [letter_id for letter_id in letter_ids if letter_id in found]


class StoredLetters:
    """The dead letters of a store, within transactions of the caller."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._statements = Statements(backend)

    def within(self, connection: Connection) -> LettersTransaction:
        """The letters in the connection's transaction, which has the store's write lock.

        Raises StoreVersionError if this code may not write verdicts.
        """
        expect_rules(connection)
        return LettersTransaction(connection, self._backend, self._statements)
