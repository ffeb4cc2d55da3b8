"""Beliefs anew: what was ever known of every order, read and shaped again, for `verify` and `diff` to compare."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from domain.streams import split_stream_name
from infra.app.container import Waybill
from infra.app.settled_anew import STREAMS_AT_ONCE, ShapedBatch, ShapeFailure
from infra.store.events.history import History
from projections.projection import Projection
from projections.replacement import shape_replacements


def believed_batches(
    waybill: Waybill, history: History, projection: Projection, position: int, names: Iterable[str] | None = None
) -> Iterator[ShapedBatch]:
    """The rows of a bitemporal projection as they follow at a position; of these streams, or of all.

    Orders that a standing order once placed, and of which no event was stored, are among the subjects.
    """
    settler = waybill.belief_settlers.reading(history)
    kinds = projection.kinds
    remaining = iter(name for name in names if split_stream_name(name)[0] in kinds) if names is not None else None
    after = ""
    while True:
        if remaining is not None:
            streams = list(islice(remaining, STREAMS_AT_ONCE))
        else:
            streams = [name for name, _ in history.next_streams(after, kinds, STREAMS_AT_ONCE)]
        if not streams:
            return
        after = streams[-1]
        believed = settler.settled_up_to(streams, position)
        (whole,), failures = shape_replacements([projection], believed)
        failed = failures.get(projection.name, {})
        if failed:
            (whole,), _ = shape_replacements([projection], believed, failed.keys())
        subjects = defaultdict(list, {projection.kind: [*whole.subjects, *failed]})
        told = [
            ShapeFailure(projection, f"{projection.kind.prefix}-{subject}", reason)
            for subject, reason in failed.items()
        ]
        yield ShapedBatch((), subjects, whole.rows, told)
