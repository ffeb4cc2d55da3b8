"""order_states: how each order stood, period by period, without a clock. Views of orders are questions to it."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, Select, Table, and_, select

from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from projections.asof import AsOf
from projections.columns import Amount, Instant, Name
from projections.projection import Projection, Row, Settled, Totals, metadata, periods

order_states = Table(
    "order_states",
    metadata,
    Column("order_id", Name, primary_key=True, comment="The order."),
    Column("valid_from", Instant, primary_key=True, comment="The instant at which this period began."),
    Column("valid_to", Instant, comment="The instant at which it ended; null while it lasts."),
    Column("status", Name, nullable=False, comment="open, delivered (in full) or cancelled."),
    Column("rep_id", Name, nullable=False, comment="The rep who holds the order."),
    Column("account_id", Name, nullable=False, comment="The account that ordered."),
    Column("segment", Name, nullable=False, comment="b2b or b2c."),
    Column("placed_at", Instant, nullable=False, comment="When the order was placed."),
    Column("promised_by", Instant, nullable=False, comment="The promise in force."),
    Column("original_promised_by", Instant, nullable=False, comment="The promise of the placing."),
    Column("stage", Name, comment="to_book, booked, in_transit or partly_delivered; null once closed."),
    Column("carrier", Name, comment="Carrier of the live shipment with the latest estimate."),
    Column("mode", Name, comment="Its mode: courier or in_house."),
    Column("estimated_delivery", Instant, comment="The latest estimate of the live shipments."),
    Column(
        "left_to_book", Boolean, nullable=False, comment="Whether something of an open order is still to be booked."
    ),
    Column("expedite", Name, nullable=False, comment="none, requested, granted or declined."),
    Column("expedites_open", Integer, nullable=False, comment="Undecided expedite requests."),
    Column("follow_up_owed", Boolean, nullable=False, comment="Whether the customer is still to be told something."),
    Column("follow_ups_owed", Integer, nullable=False, comment="How many follow-ups are owed to the customer."),
    Column("delivery_attempts", Integer, nullable=False, comment="Delivery attempts so far."),
    Column("open_value", Amount, nullable=False, comment="Undelivered quantities times unit prices; 0 once closed."),
    Column("currency", Name, nullable=False, comment="The order's currency (ISO 4217)."),
    comment="One row for each period of an order between two moments at which it changed.",
)

OPEN = order_states.c.status == "open"
_OPEN_NOW = and_(order_states.c.valid_to.is_(None), OPEN)

# Workloads and overdue lists of the present read these few rows of a table that holds all history. Status and end stand
# in the indexes, though they are the same in every row: without them SQLite would look each row up to see that.
Index(
    "order_states_load",
    order_states.c.rep_id,
    order_states.c.promised_by,
    order_states.c.estimated_delivery,
    order_states.c.left_to_book,
    order_states.c.status,
    order_states.c.valid_to,
    sqlite_where=_OPEN_NOW,
    postgresql_where=_OPEN_NOW,
)
Index(
    "order_states_due",
    order_states.c.promised_by,
    order_states.c.order_id,
    order_states.c.status,
    order_states.c.valid_to,
    sqlite_where=_OPEN_NOW,
    postgresql_where=_OPEN_NOW,
)

rep_open_orders = Table(
    "rep_open_orders",
    metadata,
    Column("rep_id", Name, primary_key=True, comment="The rep."),
    Column("open_orders", Integer, nullable=False, comment="Open orders that the rep holds."),
    Column("to_book", Integer, nullable=False, comment="Of these, without a live shipment."),
    Column("booked", Integer, nullable=False, comment="Of these, booked but not dispatched."),
    Column("in_transit", Integer, nullable=False, comment="Of these, on their way."),
    Column("partly_delivered", Integer, nullable=False, comment="Of these, delivered in part."),
    Column("expedites_open", Integer, nullable=False, comment="Undecided expedite requests on them."),
    Column("follow_ups_owed", Integer, nullable=False, comment="Follow-ups owed, also on closed orders."),
    Column("open_b2b", Integer, nullable=False, comment="Open orders of businesses."),
    Column("open_b2c", Integer, nullable=False, comment="Open orders of consumers."),
    comment="What each rep holds at present: sums over order_states, kept as its rows change.",
)

MEASURES = tuple(column.name for column in rep_open_orders.c if column.name != "rep_id")


def load_of(row: Mapping[str, Any]) -> tuple[Row, tuple[int, ...]] | None:
    """What an order's present row adds to the load of the rep who holds it."""
    is_open = row["status"] == "open"
    stage, segment = row["stage"], row["segment"]
    measures = (
        int(is_open),
        int(is_open and stage == "to_book"),
        int(is_open and stage == "booked"),
        int(is_open and stage == "in_transit"),
        int(is_open and stage == "partly_delivered"),
        row["expedites_open"] if is_open else 0,
        row["follow_ups_owed"],
        int(is_open and segment == "b2b"),
        int(is_open and segment == "b2c"),
    )
    return ((row["rep_id"],), measures) if any(measures) else None


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The order's periods."""
    return {
        order_states.name: [
            _row(period.summary, period.valid_from, period.valid_to)
            for period in periods((moment.at, moment.summary) for moment in settled.moments)
        ]
    }


def _row(summary: OrderSummary, valid_from: Any, valid_to: Any) -> Row:
    return (
        summary.order_id,
        valid_from,
        valid_to,
        summary.status,
        summary.rep_id,
        summary.account_id,
        summary.segment,
        summary.placed_at,
        summary.promised_by,
        summary.original_promised_by,
        summary.stage,
        summary.carrier,
        summary.mode,
        summary.estimated_delivery,
        summary.left_to_book,
        summary.expedite,
        summary.expedites_open,
        bool(summary.follow_ups),
        len(summary.follow_ups),
        summary.delivery_attempts,
        summary.open_value,
        summary.currency,
    )


ORDER_STATES = Projection(
    name="order_states",
    version=2,
    kind=ORDER,
    tables=(order_states,),
    shape=shape,
    totals=(
        Totals(
            table=rep_open_orders,
            over=order_states,
            looks_at=("rep_id", "status", "stage", "segment", "expedites_open", "follow_ups_owed"),
            contribution=load_of,
            keys=("rep_id",),
            measures=MEASURES,
        ),
    ),
)


def order_periods(as_of: AsOf) -> Select[Any]:
    """All periods of all orders; at an instant, those that held then."""
    question = select(order_states).order_by(order_states.c.order_id, order_states.c.valid_from)
    return question if as_of.present else question.where(as_of.holds(order_states))
