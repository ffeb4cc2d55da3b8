"""Which other streams a stream refers to, and what standing orders had placed: found before the groups are made."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from consumers.reactors.parcels import PARCELS
from consumers.reactors.reactor import Reactor, references_among
from consumers.reactors.standing_orders import StandingOrderReactor
from domain.derived import facts_among
from domain.fact import EVENT_CLASSES
from domain.order.kind import ORDER
from domain.standing_order.ids import name_of
from domain.streams import split_stream_name, stream_name
from infra.export.arrow_schema import pyarrow
from infra.settled_then.placed import PlacedThen
from infra.settled_then.recorded import RecordedThen
from infra.spark.executors.group_history import GroupHistory
from infra.spark.executors.groups import COLUMNS, Group, Role, groups_in
from infra.store.events.codec import UnreadableEventError, decode_event, encode_event
from projections.failures import reason_of

PAIRS = "of string, stream string"
"""The columns of pairs, as Spark writes types: the stream `stream` refers to the stream `of`."""

STANDING_ORDERS = StandingOrderReactor("UTC", timedelta(0))
"""To ask it what refers to accounts, which depends on no clock."""
REACTORS: Mapping[str, Reactor] = {reactor.name: reactor for reactor in (PARCELS, STANDING_ORDERS)}
ROWS_AT_ONCE = 10_000

T = TypeVar("T")


def naming_topics(reactor: Reactor) -> list[str]:
    """The stored topics of the events that can refer to other streams."""
    return sorted(topic for topic, event_class in EVENT_CLASSES.items() if issubclass(event_class, reactor.naming))


def pairs_fold(reactor_name: str, batches: Iterator[Any]) -> Iterator[Any]:
    """For `mapInArrow`: the pairs of the naming events in these batches, which have the columns of groups.

    An event that cannot be read names nobody; its stream is reported when it is settled.
    """
    arrow = pyarrow()
    for pairs in _pages(_pairs(reactor_name, batches)):
        columns = [arrow.array(names, arrow.string()) for names in zip(*pairs, strict=True)]
        yield arrow.record_batch(columns, ["of", "stream"])


def _pairs(reactor_name: str, batches: Iterator[Any]) -> Iterator[tuple[str, str]]:
    reactor = REACTORS[reactor_name]
    for batch in batches:
        columns = (batch.column(column).to_pylist() for column in ("stream", "version", "topic", "state"))
        for stored in zip(*columns, strict=True):
            try:
                event = decode_event(*stored)
            except UnreadableEventError:
                continue
            for name in references_among(reactor, facts_among([event])):
                yield stream_name(reactor.referred_kind, name), stored[0]


def placings_fold(recorded: RecordedThen, clock: datetime, time_zone: str, batches: Iterator[Any]) -> Iterator[Any]:
    """For `mapInArrow`: the rows of groups of orders that these groups of standing orders had placed."""
    arrow = pyarrow()
    types = [arrow.string(), arrow.int32(), arrow.string(), arrow.int64(), arrow.string(), arrow.binary()]
    place = partial(_placings, recorded, clock, time_zone)
    for rows in _pages(row for group in groups_in(batches) for row in place(group)):
        columns = [arrow.array(values, type_) for values, type_ in zip(zip(*rows, strict=True), types, strict=True)]
        yield arrow.record_batch(columns, list(COLUMNS))


def _pages(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while some := list(islice(remaining, ROWS_AT_ONCE)):
        yield some


def _placings(
    recorded: RecordedThen, clock: datetime, time_zone: str, group: Group
) -> list[tuple[str, int, str, int, str, bytes]]:
    standing_order = split_stream_name(group.stream)[1]
    # Any error concerns only this standing order and is reported as such.
    try:
        history = GroupHistory()
        history.hold([Group(group.stream, others={**group.others, group.stream: group.own})])
        placed = PlacedThen(history, recorded, clock, time_zone, 0).placements([standing_order])[standing_order]
        cut = int(name_of(standing_order) != standing_order)
        return [
            (stream_name(ORDER, order_id), Role.PLACING, group.stream, cut, fact.TOPIC, encode_event(fact))
            for order_id, fact in placed.items()
        ]
    except Exception as e:
        return [(group.stream, Role.FAILED, "", 0, "", reason_of(e).encode())]
