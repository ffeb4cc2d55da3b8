"""The timelines of all orders, settled one after another, in flat memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from infra.queries.streamed import ROWS_AT_ONCE
from projections.order_timeline import TimelineEntry
from projections.table import Row, ValueType

ORDER_TIMELINE = "order_timeline"
DESCRIPTION = "One row for each event of an order: a message, its verdict and what it changed, or a changed verdict."
COLUMNS: Mapping[str, tuple[ValueType, str]] = {
    "order_id": (ValueType.TEXT, "The order."),
    "position": (ValueType.WHOLE, "The event's position in the store; null for a derived message never stored."),
    "recorded_at": (ValueType.INSTANT, "When it became known."),
    "occurred_at": (ValueType.INSTANT, "When it happened, by the message; null of a changed verdict."),
    "took_effect_at": (ValueType.INSTANT, "When it took effect; null unless it did."),
    "event": (ValueType.TEXT, "The kind of event, as in waybill order."),
    "verdict": (ValueType.TEXT, "The message's verdict."),
    "what_changed": (ValueType.TEXT, "What it changed in words, or why it was not taken."),
    "source": (ValueType.TEXT, "Who sent the message."),
    "message_id": (ValueType.TEXT, "The message's id."),
}
assert tuple(COLUMNS) == ("order_id", *TimelineEntry._fields)


@dataclass(frozen=True)
class Timelines:
    """All of them as rows, which can be read once: order by order, each in the order in which its events count.

    `told` gives each order's id with its timeline, and `counted` the number of orders' events in the store.
    """

    told: Callable[[], Iterator[tuple[str, Sequence[TimelineEntry]]]]
    counted: Callable[[], int]
    position: int
    instant: datetime

    @property
    def columns(self) -> Mapping[str, ValueType]:
        return {name: value_type for name, (value_type, _) in COLUMNS.items()}

    def count(self) -> int:
        """About how many rows there are."""
        return self.counted()

    def batches(self) -> Iterator[Sequence[Row]]:
        """All rows, some thousands at a time."""
        rows = ((order_id, *entry) for order_id, timeline in self.told() for entry in timeline)
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            yield batch
