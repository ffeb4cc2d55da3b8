"""What had been recorded of a stream by an instant, as the clock of that instant held it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.clock_holds import as_held_at
from domain.derived import is_derived
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import up_to
from domain.streams import split_stream_name


class RecordedThen(NamedTuple):
    """Facts recorded by `known_at`; those further ahead of that clock than `clock_skew` are held."""

    known_at: datetime
    clock_skew: timedelta

    def of(self, stream: str, facts: Iterable[Fact]) -> list[Fact]:
        """Those of these facts of a stream, without derived messages about orders.

        Derived messages about other subjects are stored for good.
        """
        if split_stream_name(stream)[0] is ORDER:
            facts = [fact for fact in facts if not is_derived(fact)]
        return as_held_at(up_to(facts, recorded=self.known_at), self.known_at, self.clock_skew)
