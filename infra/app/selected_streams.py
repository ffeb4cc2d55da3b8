"""Which streams are checked: all, a share or a number of them that depends on names alone, or those that changed."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from infra.store.events.history import History

_PLACES = 2**64


@dataclass(frozen=True)
class Selection:
    """Of the streams with an event recorded at `since` or later (None: of all), a `share` (0 to 1) or a `count`.

    The same seed selects the same streams, in any store and at any time.
    """

    share: float | None = None
    count: int | None = None
    seed: int = 0
    since: datetime | None = None

    @property
    def is_whole(self) -> bool:
        return self.share is None and self.count is None and self.since is None


WHOLE = Selection()


def selected_streams(history: History, selection: Selection) -> Iterator[str]:
    """The names of the selected streams, in order."""
    if selection.since is None:
        yield from sampled(history.stream_names(), selection)
    else:
        yield from sampled(sorted(history.streams_recorded_since(selection.since)), selection)


def sampled(names: Iterable[str], selection: Selection) -> Iterator[str]:
    """A share or a number of these names; all of them if neither is asked for."""
    if selection.count is not None:
        yield from sorted(heapq.nsmallest(selection.count, names, key=lambda name: _place(name, selection.seed)))
        return
    share = 1.0 if selection.share is None else selection.share
    yield from (name for name in names if _place(name, selection.seed) < share * _PLACES)


def _place(name: str, seed: int) -> int:
    """A number for each name, evenly distributed below `_PLACES`."""
    return int.from_bytes(blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "big")
