"""Which closed orders may be pruned, and why the others may not. It reads, in the caller's transaction.

An order is pruned only if nothing can be lost by it: an archive has its events byte for byte, an engine has made the
rows of the present versions from that archive, everything that reads events has read them, and its rows in the store
are what its events say. And only if nothing more is likely to come: it was closed long ago, and nothing of it waits.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text

from domain.derived import STANDING_ORDERS, facts_among
from domain.fact import StreamEvent
from domain.order.kind import ORDER
from domain.pruning import StreamPruned, StreamRestored
from domain.streams import settle_stream, stream_name
from infra.app.prune.archived_streams import NOTHING, StreamDigest, digest_of
from infra.store.backend import Backend, as_keys
from infra.store.events.codec import decode_event
from infra.store.projected.failures import projection_failures
from infra.store.projected.serving import tables_in_use
from infra.store.pruned import pruned_streams
from infra.store.reactions.failures import reaction_failures
from infra.store.reactions.tables import reaction_wakes
from infra.store.register.tables import AMONG_NOT_APPLIED, messages, notices
from projections.catalogue import PROJECTIONS
from projections.diff import diff
from projections.order_states import ORDER_STATES, order_states
from projections.projection import Settled
from projections.views.columns import as_stored

ORDER_PROJECTIONS = tuple(projection for projection in PROJECTIONS if projection.kind is ORDER)
"""The projections with rows of orders: what people see of a pruned order."""
_BYTES_OF_A_ROW = 60
"""About what a row of events takes beside its texts, with its share of the indexes."""


class LeftOut(StrEnum):
    """Why a closed order stays as it is."""

    CLOSED_LATER = "it was closed at the given instant or later"
    RECORDED_LATER = "something about it was recorded at the given instant or later"
    NOT_ARCHIVED = "the archive does not have all its events"
    OTHERWISE_ARCHIVED = "the archive has other events of it: waybill archive verify --against-store"
    IS_A_MARK = "the archive recognises the store by one of its events"
    NOT_MADE_ROWS = "the folder of rows does not have all of it"
    NOT_READ = "a projection, a reactor or the relay has not come so far"
    NOT_TAKEN = "a message about it is held or refused"
    PARKED = "it is parked, or a reactor has still to react to it"
    UNDER_WAY = "a shipment of it is still under way"
    STANDING = "it was placed for a standing order, which can still change it"
    OTHER_ROWS = "its rows are not what its events say: waybill verify"
    REOPENED = "it is not closed, as its events say"


class Reached(NamedTuple):
    """How far each reader of events has come: an order is pruned only if its newest event is not after any of these.

    `archived` is the archive's position, `rows` that of the folder of rows, `read` the least of the store's own
    readers. `notice` is the last notice that the relay has sent; None if there is no relay.
    """

    archived: int
    rows: int
    read: int
    notice: int | None


class Prunable(NamedTuple):
    """An order that may be pruned: what its StreamPruned will say, and about how many bytes that frees."""

    stream: str
    version: int
    digest: StreamDigest
    first_position: int
    last_position: int
    last_recorded_at: datetime
    closed_at: datetime
    messages: int
    bytes: int


@dataclass
class Judged:
    """Some orders: those that may be pruned, how many are left out for each reason, and how many were pruned before."""

    prunable: list[Prunable] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    pruned_before: int = 0

    def with_others(self, again: "Judged") -> "Judged":
        """The same after those that may be pruned were judged again."""
        left_out = Counter(self.left_out) + Counter(again.left_out)
        return Judged(again.prunable, left_out, self.pruned_before + again.pruned_before)


@dataclass(frozen=True)
class PruneTerms:
    """What is asked for: orders closed before `before`, when everything has come as far as `reached`.

    `failed` are the streams whose rows an engine could not make, `marks` the positions by which the archive recognises
    the store.
    """

    before: datetime
    reached: Reached
    failed: frozenset[str]
    marks: frozenset[int]


def judge(
    connection: Connection,
    backend: Backend,
    terms: PruneTerms,
    archived: Mapping[str, StreamDigest],
    order_ids: Sequence[str],
) -> Judged:
    """Judge those of these orders that are closed. `archived` has the digests of their streams in the archive."""
    judged = Judged()
    states = tables_in_use(connection, ORDER_STATES)[order_states].c
    rows = connection.execute(
        select(states.order_id, states.closed_at).where(
            states.order_id.in_(order_ids), states.valid_to.is_(None), states.status != "open"
        )
    )
    closed = {stream_name(ORDER, row.order_id): row for row in rows}
    known = select(pruned_streams.c.stream).where(pruned_streams.c.stream.in_(closed))
    for stream in connection.execute(known).scalars().all():
        del closed[stream]
        judged.pruned_before += 1
    for stream in [stream for stream, row in closed.items() if row.closed_at >= terms.before]:
        del closed[stream]
        judged.left_out[LeftOut.CLOSED_LATER] += 1
    if not closed:
        return judged
    events = _events(connection, backend, sorted(closed))
    beside = _Beside(connection, {stream: row.order_id for stream, row in closed.items()})
    found: dict[str, Prunable] = {}
    settled: dict[str, Settled] = {}
    for stream, row in closed.items():
        told = _judge(stream, row, events.get(stream, []), archived.get(stream, NOTHING), terms, beside, settled)
        if isinstance(told, LeftOut):
            judged.left_out[told] += 1
        else:
            found[stream] = told
    for stream in _with_other_rows(connection, {stream: settled[stream] for stream in found}):
        del found[stream]
        judged.left_out[LeftOut.OTHER_ROWS] += 1
    judged.prunable += found.values()
    return judged


def _judge(
    stream: str,
    row: Any,
    stored: Sequence[Any],
    archived: StreamDigest,
    terms: PruneTerms,
    beside: "_Beside",
    settled: dict[str, Settled],
) -> Prunable | LeftOut:
    digest = digest_of((e.position, stream, e.version, e.topic, bytes(e.state)) for e in stored)
    events = [decode_event(stream, e.version, e.topic, e.state) for e in stored]
    position = max((e.position for e in stored), default=0)
    if not events or events[0].originator_version != 1:
        return LeftOut.OTHER_ROWS
    if (reason := _not_archived(stream, position, digest, archived, terms)) is not None:
        return reason
    if terms.marks.intersection(e.position for e in stored):
        return LeftOut.IS_A_MARK
    # That it was pruned once, and is back, is no news of the order.
    news = [event for event in events if not isinstance(event, StreamPruned | StreamRestored)]
    recorded = max(event.recorded_at for event in news)
    if recorded >= terms.before:
        return LeftOut.RECORDED_LATER
    sent = terms.reached.notice
    if position > terms.reached.read or (sent is not None and beside.notice_of(stream) > sent):
        return LeftOut.NOT_READ
    if row.order_id in beside.not_taken:
        return LeftOut.NOT_TAKEN
    if row.order_id in beside.parked:
        return LeftOut.PARKED
    if any(event.source == STANDING_ORDERS for event in events):
        return LeftOut.STANDING
    now = _settled(row.order_id, stream, events)
    settled[stream] = now
    state = now.settling.state
    if not now.moments or now.moments[-1].summary is None or now.moments[-1].summary.status == "open":
        return LeftOut.REOPENED
    if any(shipment.live for shipment in state.shipments.values()):
        return LeftOut.UNDER_WAY
    return Prunable(
        stream,
        events[-1].originator_version,
        digest,
        min(e.position for e in stored),
        position,
        recorded,
        row.closed_at,
        beside.messages_of(stream),
        sum(len(e.state) + len(stream) + len(e.topic) + _BYTES_OF_A_ROW for e in stored),
    )


def _not_archived(
    stream: str, position: int, digest: StreamDigest, archived: StreamDigest, terms: PruneTerms
) -> LeftOut | None:
    if position > terms.reached.archived or archived.events < digest.events:
        return LeftOut.NOT_ARCHIVED
    if digest != archived:
        return LeftOut.OTHERWISE_ARCHIVED
    if position > terms.reached.rows or stream in terms.failed:
        return LeftOut.NOT_MADE_ROWS
    return None


def _settled(order_id: str, stream: str, events: Sequence[StreamEvent]) -> Settled:
    return Settled(ORDER, order_id, settle_stream(stream, facts_among(events)))


class _Beside:
    """What the store says of these orders beside their events, read once for all of them."""

    def __init__(self, connection: Connection, order_ids: Mapping[str, str]):
        streams, ids = sorted(order_ids), sorted(order_ids.values())
        m, n = messages.c, notices.c
        untaken = select(m.subject).where(m.subject.in_(ids), text(AMONG_NOT_APPLIED))
        self.not_taken = frozenset(connection.execute(untaken).scalars())
        wakes, failed, refused = reaction_wakes.c, reaction_failures.c, projection_failures.c
        self.parked = frozenset(
            key
            for column in (wakes.key, failed.key, refused.key)
            for key in connection.execute(select(column).where(column.in_(ids))).scalars()
        )
        counted = select(m.stream, func.count()).where(m.subject.in_(ids), m.stream.in_(streams)).group_by(m.stream)
        self._messages: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
        newest = select(n.stream, func.max(n.notice_id)).where(n.stream.in_(streams)).group_by(n.stream)
        self._notices: dict[str, int] = {row[0]: row[1] for row in connection.execute(newest)}

    def messages_of(self, stream: str) -> int:
        """How many messages the register has of the stream's events."""
        return self._messages.get(stream, 0)

    def notice_of(self, stream: str) -> int:
        """The number of the newest notice about the stream; 0: there is none."""
        return self._notices.get(stream, 0)


def _events(connection: Connection, backend: Backend, streams: Sequence[str]) -> Mapping[str, list[Any]]:
    """The stored events of these streams, in the order of their versions."""
    statement = text(
        f"SELECT e.{backend.position} AS position, e.originator_id AS stream, e.originator_version AS version, "
        f"e.topic AS topic, e.state AS state FROM {backend.keys(1)} JOIN {backend.events_table} AS e "
        "ON e.originator_id = k.k0 ORDER BY e.originator_id, e.originator_version"
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(statement, {"keys": as_keys(streams)}):
        found[row.stream].append(row)
    return found


def _with_other_rows(connection: Connection, settled: Mapping[str, Settled]) -> set[str]:
    """The orders among these whose stored rows are not those that their events give."""
    ids = {each.subject_id: stream for stream, each in settled.items()}
    differing: set[str] = set()
    for projection in ORDER_PROJECTIONS if ids else ():
        tables = tables_in_use(connection, projection)
        shaped: dict[str, list[Any]] = defaultdict(list)
        for each in settled.values():
            for name, rows in projection.shape(each).items():
                shaped[name].extend(rows)
        for declared in projection.tables:
            stored = tables[declared].c
            question = select(*map(as_stored, tables[declared].c)).where(stored[declared.subject].in_(ids))
            before = declared.rows(connection.execute(question))
            for change in diff(declared.names, declared.key, before=before, after=shaped[declared.name]):
                differing.add(ids[change.key[0]])
    return differing
