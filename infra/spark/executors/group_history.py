"""The small history of the groups that are settled at the moment: what settling a past question reads of other streams.

It satisfies the same interfaces as a store's history, so that the settling is the same code (infra/settled_then).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.derived import facts_among
from domain.fact import Fact
from domain.kind import Kind
from domain.streams import split_stream_name
from infra.spark.executors.groups import Group, decoded
from infra.store.events.codec import decode_event


class GroupHistory:
    """Implements infra.settled_then.history.PastHistory, and Placed of infra.settled_then.derived.

    It has the events of an archive, all of which lie before its position.
    """

    def __init__(self) -> None:
        self._facts: dict[str, list[Fact]] = {}
        self._placed: dict[str, Fact] = {}

    def hold(self, groups: Iterable[Group]) -> None:
        """Have what these groups bring, and nothing else. Raises UnreadableEventError."""
        self._facts, self._placed = {}, {}
        for group in groups:
            for stream, stored in group.others.items():
                if stream not in self._facts:
                    self._facts[stream] = facts_among(decoded(stored))
            # A standing order whose id is cut in those of its orders goes first: its name says that it is the owner.
            for placing in sorted(group.placings, key=lambda one: one[1]):
                event = decode_event("", 0, *placing[2:])
                assert isinstance(event, Fact)
                self._placed[split_stream_name(group.stream)[1]] = event

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        return {stream: self._facts.get(stream, []) for stream in streams}

    def streams_of(self, kind: Kind) -> Sequence[str]:
        return [stream for stream in self._facts if split_stream_name(stream)[0] is kind]

    def existing(self, streams: Iterable[str], position: int) -> set[str]:
        return {stream for stream in streams if stream in self._facts}

    def placings(self, order_ids: Iterable[str]) -> Mapping[str, Fact]:
        return {order_id: self._placed[order_id] for order_id in order_ids if order_id in self._placed}

    def orders_never_stored(self) -> Iterator[str]:
        """None: an order that was placed and never stored is a group of its own."""
        return iter(())
