"""Ranges of streams by name: in these, a rebuild is cut into parts, and reads without looking elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple


class StreamRange(NamedTuple):
    """The streams after one name (empty: from the first one on), up to and including another (None: to the last one).

    Names are compared as the store orders them.
    """

    after: str = ""
    until: str | None = None


ALL_STREAMS = (StreamRange(),)


def within_ranges(ranges: Sequence[StreamRange]) -> tuple[str, Mapping[str, str]]:
    """An SQL condition that the stream of an event `e` is in one of these ranges, and its parameters."""
    said, parameters = [], {}
    for number, (after, until) in enumerate(_joined(ranges)):
        parameters[f"after_{number}"] = after
        ends = ""
        if until is not None:
            parameters[f"until_{number}"] = until
            ends = f" AND e.originator_id <= :until_{number}"
        said.append(f"(e.originator_id > :after_{number}{ends})")
    return f"({' OR '.join(said)})" if said else "(1 = 0)", parameters


def _joined(ranges: Sequence[StreamRange]) -> Iterator[StreamRange]:
    """Ranges that follow one another without a gap, as one."""
    joined: StreamRange | None = None
    for each in ranges:
        if joined is not None and joined.until == each.after:
            joined = joined._replace(until=each.until)
            continue
        if joined is not None:
            yield joined
        joined = each
    if joined is not None:
        yield joined


def cut(among: StreamRange, sizes: Iterable[tuple[str, int]], total: int, parts: int) -> list[StreamRange]:
    """Cut a range into at most so many parts of about equal size.

    `sizes` has the names of its streams in their order, with the number of the events of each, which are about `total`.
    """
    bounds, seen = [among.after], 0
    for name, size in sizes:
        if len(bounds) == parts:
            break
        seen += size
        if seen * parts >= total * len(bounds):
            bounds.append(name)
    return [StreamRange(*each) for each in zip(bounds, [*bounds[1:], among.until], strict=True)]
