"""The pruned orders: whose events left the store for an archive (domain/pruning.py), for whoever has to know how many.

A row says of a stream what its event `StreamPruned` says, and is written and removed in the same transaction. What
reads one stream needs no row: it knows from the stream's events.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, func, select, text

from domain.counted import counted
from domain.pruning import StreamPruned
from domain.verdict import HELD
from infra.store.backend import Backend
from infra.store.pruned_commands import of_archive, undo_command
from infra.store.register.tables import AMONG_NOT_APPLIED, messages, register_metadata
from projections.views.columns import Instant

pruned_streams = Table(
    "pruned_streams",
    register_metadata,
    Column("stream", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("archive", Text, nullable=False),
    Column("archive_id", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("last_recorded_at", Instant, nullable=False),
    Column("pruned_at", Instant, nullable=False),
    Column("operator", Text, nullable=False),
    sqlite_with_rowid=False,
)


ROWS_AT_ONCE = 2_000


class PrunedOrdersError(Exception):
    """Orders are pruned, so a question or an act that needs all events is refused; the message says what to do.

    `archive` is where the events are, as a command takes it.
    """

    def __init__(self, orders: int, what: str, archive: str = "DIR", *, ask: str | None = None):
        begins = f"{counted(orders, 'order')} {'was' if orders == 1 else 'were'} pruned from this store, and {what}. "
        where = of_archive(archive)
        asks = f"Ask the archive: waybill spark ask {ask or 'VIEW'} {where}"
        others = (
            "; make rows from it: waybill spark rebuild, then waybill rebuild --from DIR; bring an order back: waybill "
            f"prune --undo ORDER_ID {where} (waybill prune --list names the orders)"
        )
        super().__init__(begins + asks + (others if ask is None else ""))
        self._told = orders, what, archive

    def asking(self, question: str) -> "PrunedOrdersError":
        """The same with the question that was asked, such as `overdue --known-at K`: its command is all there is to do.

        Without its end, which names the archive.
        """
        return PrunedOrdersError(*self._told, ask=question)


class PrunedStanding(NamedTuple):
    """How many orders are pruned, how many events that were, and in which archives they are."""

    orders: int
    events: int
    archives: Sequence[str]


class PrunedRow(NamedTuple):
    """A pruned stream, as the table says it. Instants are UTC."""

    stream: str
    version: int
    archive: str
    archive_id: str
    events: int
    digest: str
    first_position: int
    last_position: int
    last_recorded_at: datetime
    pruned_at: datetime
    operator: str


class PrunedMessageError(PrunedOrdersError):
    """The event of a message is not in the store, because its order was pruned."""

    def __init__(self, message_id: str, source: str, order_id: str, archive: str):
        Exception.__init__(
            self,
            f"message {message_id} of {source} is about order {order_id}, which was pruned: its event is in the "
            f"archive {archive}; to bring the order back: {undo_command(archive, order_id)}",
        )


def pruned_standing(connection: Connection) -> PrunedStanding:
    """What is pruned of this store."""
    c = pruned_streams.c
    orders, events = connection.execute(select(func.count(), func.coalesce(func.sum(c.events), 0))).one()
    archives = connection.execute(select(c.archive).distinct().order_by(c.archive)).scalars().all() if orders else ()
    return PrunedStanding(orders, int(events), archives)


def waiting_for_pruned(connection: Connection) -> tuple[int, datetime | None]:
    """How many held messages wait for the events of pruned orders, and when the first of them came."""
    m = messages.c
    waiting = select(func.count(), func.min(m.received_at)).where(
        m.verdict == HELD.value, text(AMONG_NOT_APPLIED), m.stream.in_(select(pruned_streams.c.stream))
    )
    count, oldest = connection.execute(waiting).one()
    return count, oldest


def pruned_with_held(connection: Connection, backend: Backend, position: int, most: int) -> list[PrunedRow]:
    """The pruned streams for which messages are held whose events are at this position or before it; the first ones."""
    at = f"e.{backend.position}"
    question = text(
        f"SELECT DISTINCT p.stream FROM messages JOIN {pruned_streams.name} AS p ON p.stream = messages.stream "
        f"JOIN {backend.events_table} AS e "
        "ON e.originator_id = messages.stream AND e.originator_version = messages.version "
        f"WHERE {AMONG_NOT_APPLIED} AND messages.verdict = :held AND {at} <= :position ORDER BY p.stream LIMIT :most"
    )
    asked = {"held": HELD.value, "position": position, "most": most}
    return pruned_rows(connection, list(connection.execute(question, asked).scalars()))


def whole_again_with_held(connection: Connection, backend: Backend) -> list[str]:
    """The streams that were pruned once, have their events, and for which messages are held; in order."""
    question = text(
        "SELECT DISTINCT messages.stream FROM messages "
        f"WHERE {AMONG_NOT_APPLIED} AND messages.verdict = :held "
        f"AND NOT EXISTS (SELECT 1 FROM {pruned_streams.name} AS p WHERE p.stream = messages.stream) "
        f"AND EXISTS (SELECT 1 FROM {backend.events_table} AS e "
        "WHERE e.originator_id = messages.stream AND e.topic = :pruned) ORDER BY messages.stream"
    )
    asked = {"held": HELD.value, "pruned": StreamPruned.TOPIC}
    return list(connection.execute(question, asked).scalars())


def pruned_digests(connection: Connection) -> Iterator[tuple[int, str]]:
    """How many events each pruned stream had, and their digest; memory stays flat."""
    question = select(pruned_streams.c.events, pruned_streams.c.digest)
    for row in connection.execute(question, execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE}):
        yield row.events, row.digest


def pruned_rows(connection: Connection, streams: Sequence[str] | None = None) -> list[PrunedRow]:
    """The pruned streams (or those of these that are), in the order of their names."""
    question = select(*(pruned_streams.c[name] for name in PrunedRow._fields)).order_by(pruned_streams.c.stream)
    if streams is not None:
        question = question.where(pruned_streams.c.stream.in_(streams))
    return [PrunedRow(*row) for row in connection.execute(question)]
