"""The messages in transit to the service: numbered, encoded, and sorted by arrival."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

import msgspec

from infra.simulation.clock import SECOND, Draw, instant
from infra.simulation.feeds import Feed

Document = dict[str, Any]
Listener = Callable[[Document, bytes, int, int], None]

encode = msgspec.json.Encoder().encode


class Wire:
    """Holds messages that were sent and have not arrived yet, without those that arrive after `until`.

    With `history`, each message says by its `recordedtime` when it arrived.
    """

    __slots__ = ("_count", "draw", "history", "listener", "pending", "until")

    def __init__(self, until: int, draw: Draw, *, history: bool = False) -> None:
        self.until = until
        self.draw = draw
        self.history = history
        self.pending: list[tuple[int, int, bytes]] = []
        self.listener: Listener | None = None
        self._count = 0

    def send(
        self,
        feed: Feed,
        type_: str,
        subject: str,
        time: int,
        data: Document,
        late: int = 0,
        correlation: str = "",
        cause: str = "",
    ) -> str:
        """Publish one message and return its id, or "" if it does not arrive in time."""
        if not feed.to_the_millisecond:
            time -= time % SECOND
        heard = feed.hears(time, self.draw) + late
        if time > self.until or heard > self.until:
            return ""
        message_id = feed.next_id()
        happened = instant(time)
        document: Document = {
            "specversion": "1.0",
            "id": message_id,
            "source": feed.source,
            "type": type_,
            "time": happened if feed.zone is None else happened.astimezone(feed.zone),
            "subject": subject,
            "data": data,
        }
        if correlation:
            document["correlationid"] = correlation
        if cause:
            document["causationid"] = cause
        line = encode(document)
        self.push(heard, line)
        if self.listener is not None:
            self.listener(document, line, time, heard)
        return message_id

    def push(self, heard: int, line: bytes) -> None:
        """Queue a line; lines that arrive at one instant keep their order."""
        if heard <= self.until:
            self._count += 1
            heappush(self.pending, (heard, self._count, line))

    def heard_before(self, time: int) -> Iterator[bytes]:
        """Remove and return what arrived before this instant."""
        pending = self.pending
        while pending and pending[0][0] < time:
            yield self._next()

    def rest(self) -> Iterator[bytes]:
        """Remove and return the rest."""
        while self.pending:
            yield self._next()

    def _next(self) -> bytes:
        heard, _, line = heappop(self.pending)
        # Into the text: a line that was broken on purpose stays as broken as it is.
        if self.history and line.startswith(b"{"):
            return b'{"recordedtime":%s,%s' % (encode(instant(heard)), line[1:])
        return line
