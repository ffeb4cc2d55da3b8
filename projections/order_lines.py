"""order_lines: each line of an order with its delivered quantities, period by period."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.summary import OrderLineSummary
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable, row_maker


class OrderLinePeriod(NamedTuple):
    """One row for each period of a line of an order between two moments at which the line changed."""

    order_id: Annotated[str, Key("The order.")]
    line: Annotated[str, Key("The line, as text.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    sku: Annotated[str | None, "The stock keeping unit."]
    kind: Annotated[str, "goods, or a charge, which is priced and never shipped."]
    quantity: Annotated[Decimal, "How much is ordered; 0 of a line that is gone, though something of it was delivered."]
    booked: Annotated[Decimal, "What live shipments still carry of it."]
    delivered: Annotated[Decimal, "All that was confirmed of it, less what came back to be replaced."]
    over_delivered: Annotated[Decimal, "What was delivered beyond the quantity."]
    returned: Annotated[Decimal, "What came back, to be replaced or not."]
    unit_price: Annotated[Decimal, "The price of one, in the order's currency."]
    promised_by: Annotated[datetime, "The line's own promise, else the order's."]
    delivered_at: Annotated[datetime | None, "The delivery since which it has its present quantity in full."]


order_line_periods = RowTable("order_line_periods", OrderLinePeriod)

_row = row_maker(OrderLinePeriod, OrderLineSummary, "order_id", "valid_from", "valid_to")


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each line's periods. A moment has only the lines that it changed."""
    seen: dict[str, list[tuple[datetime, OrderLineSummary | None]]] = {}
    for at, _, summary in settled.moments:
        for line_id, line in summary.changed_lines if summary else ():
            seen.setdefault(line_id, []).append((at, line))
    return {
        order_line_periods.name: [
            _row(line, order_id=settled.subject_id, valid_from=valid_from, valid_to=valid_to)
            for moments in seen.values()
            for line, valid_from, valid_to in periods(moments)
        ]
    }


ORDER_LINES = Projection(name="order_lines", version=1, kind=ORDER, tables=(order_line_periods,), shape=shape)
