"""Shaping of one archived stream: its events decoded, settled, and shaped for every projection of its kind.

A stream at which this fails is reported with the event at fault, and the others go on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.derived import facts_among
from domain.fact import StreamEvent
from domain.kind import Kind
from domain.streams import settle_stream, split_stream_name
from infra.spark.executors.streams import ArchivedStream, PoisonEventError
from projections.failures import reason_of
from projections.projection import Projection, Settled
from projections.rebuild import first_failing
from projections.table import Row


class FailedStream(NamedTuple):
    """A projection (None: every one) does not have all rows of a stream, because of the event at `position`.

    The position is None if no event is at fault: a row does not fit its file.
    """

    projection: str | None
    stream: str
    position: int | None
    reason: str


class ShapedStream(NamedTuple):
    """The rows of one stream by table, and what failed."""

    rows: Mapping[str, Sequence[Row]]
    failed: Sequence[FailedStream] = ()


class Shaper:
    """Shapes streams for these projections, none of which is bitemporal."""

    def __init__(self, projections: Iterable[Projection]):
        self._by_kind: dict[Kind, list[Projection]] = defaultdict(list)
        for projection in projections:
            self._by_kind[projection.kind].append(projection)

    def shape(self, stream: ArchivedStream) -> ShapedStream:
        """The stream's rows for every projection of its kind."""
        try:
            kind, subject_id = split_stream_name(stream.name)
            events = stream.decoded()
        except PoisonEventError as e:
            return _nothing(stream, e.position, e.reason)
        # Any error concerns only this stream and is reported as such.
        except Exception as e:
            return _nothing(stream, stream.last_position, reason_of(e))
        if kind is None:
            return ShapedStream({})
        # Any error concerns only this stream and is reported as such.
        try:
            settled = Settled(kind, subject_id, settle_stream(stream.name, facts_among(events)))
        except Exception as e:
            return _nothing(stream, stream.last_position, reason_of(e))
        rows: dict[str, list[Row]] = {}
        failed: list[FailedStream] = []
        for projection in self._by_kind[kind]:
            try:
                shaped = {table: list(found) for table, found in projection.shape(settled).items()}
            except Exception as e:
                failed.append(_failure(projection, stream, events, reason_of(e)))
            else:
                rows.update(shaped)
        return ShapedStream(rows, failed)


def _nothing(stream: ArchivedStream, position: int, reason: str) -> ShapedStream:
    return ShapedStream({}, [FailedStream(None, stream.name, position, reason)])


def _failure(
    projection: Projection, stream: ArchivedStream, events: Sequence[StreamEvent], reason: str
) -> FailedStream:
    index = first_failing(projection, stream.name, events)
    # None: it failed once, and does not any more.
    position = stream.last_position if index is None else stream.events[index][4]
    return FailedStream(projection.name, stream.name, position, reason)
