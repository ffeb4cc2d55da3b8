"""Resettling a store by this code's rules: its checkpoint and its transactions."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select, text, update

from consumers.reactors.reactor import CHECKPOINTS
from domain.rules_version import RULES_VERSION
from infra.store.backend import Backend
from infra.store.engine import LOCKED
from infra.store.register.letters import LettersTransaction
from infra.store.register.tables import malformed_messages, reactor_positions
from infra.store.register.transaction import Statements
from infra.store.stored_rules_version import end_resettling, move_resettling, rules_seen

IDS_AT_ONCE = 1_000


class ResettlingTransaction(LettersTransaction):
    """A transaction of `waybill migrate`, which holds the store's write lock from its start."""

    def __init__(self, connection: Connection, backend: Backend, statements: Statements):
        super().__init__(connection, backend, statements)
        self._next_streams = text(
            f"SELECT DISTINCT originator_id FROM {backend.events_table} WHERE originator_id > :after "
            "ORDER BY originator_id LIMIT :most"
        )

    def stands_at(self) -> str | None:
        """The last stream that was settled again ("": none); None if everything is done, by any process."""
        rules = rules_seen(self._connection)
        return rules.resettled_to if rules.version == RULES_VERSION else None

    def next_streams(self, after: str, most: int) -> Sequence[str]:
        """The names of the streams after this one, in the order of the database."""
        return self._connection.execute(self._next_streams, {"after": after, "most": most}).scalars().all()

    def move(self, to: str) -> None:
        """Record that all streams up to this one are settled again."""
        move_resettling(self._connection, to)

    def end(self) -> None:
        """Record that everything is done. Reactors react to everything again, since other messages may follow now."""
        end_resettling(self._connection)
        of_reactors = reactor_positions.c.name.startswith(CHECKPOINTS, autoescape=True)
        self._connection.execute(update(reactor_positions).where(of_reactors).values(position=0))


class StoredResettling:
    """Opens transactions in a store that refuses all other writers meanwhile."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._engine = backend.engine
        self._statements = Statements(backend)

    @contextmanager
    def transaction(self) -> Iterator[ResettlingTransaction]:
        """Begin with the write lock; commit at the end, roll back on an error."""
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            self._backend.lock(connection)
            yield ResettlingTransaction(connection, self._backend, self._statements)

    def stands_at(self) -> str | None:
        """The same as that of a transaction."""
        with self._engine.connect() as connection:
            return ResettlingTransaction(connection, self._backend, self._statements).stands_at()

    def count_streams(self, after: str) -> int:
        """How many streams there are after this one."""
        count = text(f"SELECT count(DISTINCT originator_id) FROM {self._backend.events_table} WHERE originator_id > :s")
        with self._engine.connect() as connection:
            return int(connection.execute(count, {"s": after}).scalar_one())

    def malformed_in_order(self) -> Iterable[str]:
        """The letter ids of all malformed messages in the order of arrival; memory stays flat."""
        c = malformed_messages.c
        ids = select(c.letter_id).order_by(c.received_at, c.feed_id, c.offset)
        with self._engine.connect() as connection:
            streaming = connection.execution_options(stream_results=True, yield_per=IDS_AT_ONCE)
            yield from streaming.execute(ids).scalars()
