"""Undo: the events of pruned orders come back from the archive, each at its old position and version.

What came for an order meanwhile was held; it is judged in the same transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, text

from domain.fact import StreamEvent
from domain.operator.acts import OPERATOR_SOURCE, PruneUndone
from domain.order.kind import ORDER
from domain.pruning import StreamPruned, StreamRestored, pruned_by
from domain.streams import stream_name
from infra.app.container import Waybill
from infra.app.known_names import unknown_order
from infra.app.prune.archived_streams import ArchivedEvent, archived_events, digest_of
from infra.app.prune.errors import CannotUndoError
from infra.app.prune.waiting import judge_waiting
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.store.backend import Backend, EventRow
from infra.store.events.codec import encode_event
from infra.store.operator_log import Acting, Who
from infra.store.pruned import pruned_rows, pruned_streams
from infra.store.register.letters import StoredLetters


class Undone(NamedTuple):
    """An order that is whole again: how many events came back, and how many of its messages have another verdict."""

    order_id: str
    events: int
    changed: int


def undo_prune(waybill: Waybill, who: Who, archive: str, order_ids: Sequence[str]) -> list[Undone]:
    """Bring these orders back, each in one transaction; one that is whole already is left out.

    Of an order that a restore made whole, what had been held for its events is judged.

    Raises UnknownNameError, CannotUndoError, NoArchiveError, DamagedFileError and OSError; the orders before it are
    back then.
    """
    folder = ArchiveFolder(archive)
    manifest = read_manifest(folder)
    letters, undone = StoredLetters(waybill.backend), []
    for order_id in order_ids:
        stream = stream_name(ORDER, order_id)
        events = [stored.event for stored in waybill.history.stream(stream)]
        if not events:
            raise unknown_order(waybill, order_id)
        pruned = pruned_by(events)
        if pruned is None:
            if _waits(events):
                undone.append(_judge_again(waybill, who, letters, order_id, manifest.archive_id, folder.url))
            continue
        if pruned.archive_id != manifest.archive_id:
            raise CannotUndoError(
                f"order {order_id} was pruned into the archive {pruned.archive} ({pruned.archive_id}), and "
                f"{folder.url} is another one ({manifest.archive_id})"
            )
        found = [e for e in archived_events(folder, manifest, stream) if e.version < pruned.originator_version]
        _expect_whole(order_id, pruned, found, folder.url)
        undone.append(_bring_back(waybill, who, letters, order_id, pruned, found))
    return undone


def _waits(events: Sequence[StreamEvent]) -> bool:
    """Whether messages of a whole stream may wait for its events: a restore brings these, and judges nothing."""
    last = next((event for event in reversed(events) if isinstance(event, StreamPruned | StreamRestored)), None)
    return isinstance(last, StreamPruned)


def _judge_again(
    waybill: Waybill, who: Who, letters: StoredLetters, order_id: str, archive_id: str, archive: str
) -> Undone:
    def work(acting: Acting) -> Undone:
        changed = judge_waiting(acting, letters, [stream_name(ORDER, order_id)])
        acting.log(PruneUndone, order_id=order_id, archive=archive, archive_id=archive_id, events=0)
        return Undone(order_id, 0, changed)

    return waybill.operator_log.act(who, work)


def _expect_whole(order_id: str, pruned: StreamPruned, found: Sequence[ArchivedEvent], url: str) -> None:
    digest = digest_of(found)
    if digest.events != pruned.events or digest.digest != pruned.digest:
        raise CannotUndoError(
            f"the archive {url} has not the events of order {order_id} that were pruned ({pruned.events} of them, and "
            f"{digest.events} are there): check it with waybill archive verify {url}, and use a copy of it"
        )


def _bring_back(
    waybill: Waybill,
    who: Who,
    letters: StoredLetters,
    order_id: str,
    pruned: StreamPruned,
    events: Sequence[ArchivedEvent],
) -> Undone:
    stream, backend = pruned.originator_id, waybill.backend

    def work(acting: Acting) -> Undone:
        connection = acting.connection
        if not pruned_rows(connection, [stream]):
            return Undone(order_id, 0, 0)  # another process was faster
        _insert_at_positions(connection, backend, events)
        connection.execute(delete(pruned_streams).where(pruned_streams.c.stream == stream))
        told = StreamRestored(
            recorded_at=acting.now,
            source=OPERATOR_SOURCE,
            message_id=acting.act_id,
            archive_id=pruned.archive_id,
            events=len(events),
            operator=acting.who.operator,
        )
        version = letters.within(connection).stored([stream])[stream].version + 1
        row: EventRow = (stream, version, told.TOPIC, encode_event(told))
        backend.insert_events(connection, [row])
        changed = judge_waiting(acting, letters, [stream])
        acting.log(
            PruneUndone,
            order_id=order_id,
            archive=pruned.archive,
            archive_id=pruned.archive_id,
            events=len(events),
        )
        return Undone(order_id, len(events), changed)

    return waybill.operator_log.act(who, work)


def _insert_at_positions(connection: Connection, backend: Backend, events: Sequence[ArchivedEvent]) -> None:
    """Insert events where they stood; their positions are free, because no position is given out twice."""
    statement = text(
        f"INSERT INTO {backend.events_table} "
        f"({backend.position}, originator_id, originator_version, topic, state) "
        "VALUES (:position, :stream, :version, :topic, :state)"
    )
    connection.execute(statement, [event._asdict() for event in events])
