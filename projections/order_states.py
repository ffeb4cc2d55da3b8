"""order_states: the state of each order, period by period, without a clock. Views of orders query it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from domain.settling import Moment
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowIndex, RowTable, row_maker
from projections.totals import Totals


class OrderState(NamedTuple):
    """One row for each period of an order between two moments at which it changed."""

    order_id: Annotated[str, Key("The order.")]
    valid_from: Annotated[datetime, Key("The instant at which this period began.")]
    valid_to: Annotated[datetime | None, "The instant at which it ended; null while it lasts."]
    status: Annotated[str, "open, delivered (complete) or cancelled."]
    rep_id: Annotated[str | None, "The rep who holds the order; null for none."]
    placed_rep_id: Annotated[str | None, "The rep of the placing; null for none."]
    account_id: Annotated[str | None, "The account that ordered."]
    segment: Annotated[str, "b2b or b2c."]
    channel: Annotated[str, "How the order came in."]
    reference: Annotated[str | None, "The customer's own reference."]
    placed_at: Annotated[datetime, "When the order was placed."]
    promised_by: Annotated[datetime, "The promise in force."]
    original_promised_by: Annotated[datetime, "The promise of the placing."]
    stage: Annotated[str | None, "to_book, booked, in_transit or partly_delivered; null once closed."]
    carrier: Annotated[str | None, "Carrier of the live shipment with the latest estimate, or of one with none."]
    mode: Annotated[str | None, "Its mode: courier, in_house or pickup."]
    estimated_delivery: Annotated[datetime | None, "Its estimate; null when a live shipment has none."]
    latest_estimate: Annotated[datetime | None, "The latest estimate of the live shipments that have one."]
    left_to_book: Annotated[bool, "Whether something of an open order is still to be booked."]
    expedite: Annotated[str, "none, requested, granted or declined."]
    expedites_open: Annotated[int, "Undecided expedite requests."]
    follow_ups_owed: Annotated[int, "Follow-ups owed to the customer, without what the clock leaves: delay_owed_since."]
    delay_owed_since: Annotated[
        datetime | None, "Since when word of a delay is owed once promised_by has passed; null when it is not."
    ]
    delivery_attempts: Annotated[int, "Delivery attempts so far."]
    order_value: Annotated[Decimal, "Quantities times unit prices, charges included."]
    open_value: Annotated[Decimal, "Undelivered quantities times unit prices; 0 once closed."]
    currency: Annotated[str, "The order's currency (ISO 4217)."]
    lines: Annotated[int, "How many lines it has; see order_lines."]
    shipments: Annotated[int, "How many shipments it has; see shipments."]
    closed_at: Annotated[datetime | None, "When it was completed or cancelled; null while it is open."]
    completed_at: Annotated[datetime | None, "When it was completed; null while it is not."]
    delivered_rep_id: Annotated[str | None, "The rep who held the order when it was completed; null for none."]
    last_delivered_at: Annotated[datetime | None, "When goods were delivered last."]
    short: Annotated[bool | None, "Whether it was last completed without all that was ordered; null: never completed."]
    cancel_reason: Annotated[str | None, "Why it, or its rest, was cancelled; null once that is undone."]


OPEN: Mapping[str, str | None] = {"status": "open"}
OPEN_NOW: Mapping[str, str | None] = {"valid_to": None, **OPEN}

# Present workloads and overdue lists read these few rows of a table with all history. The indexes include status and
# end, although they are equal in every row: without them SQLite would look up each row.
order_states = RowTable(
    "order_states",
    OrderState,
    indexes=(
        RowIndex(
            "order_states_load",
            (
                "rep_id",
                "promised_by",
                "latest_estimate",
                "estimated_delivery",
                "mode",
                "left_to_book",
                "delay_owed_since",
                "status",
                "valid_to",
            ),
            where=OPEN_NOW,
        ),
        RowIndex("order_states_due", ("promised_by", "order_id", "status", "valid_to"), where=OPEN_NOW),
        RowIndex("order_states_open_then", ("promised_by",), where=OPEN, of_lengths=True),
    ),
)


class RepOpenOrders(NamedTuple):
    """The present load of each rep: sums over order_states, updated with its rows."""

    rep_id: Annotated[str, Key("The rep; empty for none.")]
    open_orders: Annotated[int, "Open orders that the rep holds."]
    to_book: Annotated[int, "Of these, without a live shipment."]
    booked: Annotated[int, "Of these, booked but not dispatched."]
    in_transit: Annotated[int, "Of these, on their way."]
    partly_delivered: Annotated[int, "Of these, delivered in part."]
    expedites_open: Annotated[int, "Undecided expedite requests on them."]
    open_b2b: Annotated[int, "Open orders of businesses."]
    open_b2c: Annotated[int, "Open orders of consumers."]


rep_open_orders = RowTable("rep_open_orders", RepOpenOrders)


def load_of(order: OrderState) -> RepOpenOrders | None:
    """The contribution of an order's present row to the load of its rep."""
    if order.status != "open":
        return None
    stage, segment = order.stage, order.segment
    return RepOpenOrders(
        rep_id=order.rep_id or "",
        open_orders=1,
        to_book=int(stage == "to_book"),
        booked=int(stage == "booked"),
        in_transit=int(stage == "in_transit"),
        partly_delivered=int(stage == "partly_delivered"),
        expedites_open=order.expedites_open,
        open_b2b=int(segment == "b2b"),
        open_b2c=int(segment == "b2c"),
    )


_row = row_maker(OrderState, OrderSummary, "valid_from", "valid_to", "follow_ups_owed", "completed_at")


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The order's periods."""
    return {order_states.name: states_of(settled.moments)}


def states_of(moments: Iterable[Moment]) -> list[OrderState]:
    """An order's periods by its moments."""
    return [
        _row(
            summary,
            valid_from=valid_from,
            valid_to=valid_to,
            follow_ups_owed=len(summary.follow_ups),
            completed_at=summary.delivered_at,
        )
        for summary, valid_from, valid_to in periods([(at, summary) for at, _, summary in moments])
    ]


ORDER_STATES = Projection(
    name="order_states",
    version=5,
    kind=ORDER,
    tables=(order_states,),
    shape=shape,
    totals=(
        Totals(
            table=rep_open_orders,
            over=order_states,
            looks_at=("rep_id", "status", "stage", "segment", "expedites_open"),
            contribution=load_of,
        ),
    ),
)
