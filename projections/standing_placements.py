"""standing_placements: the orders that Waybill placed for standing orders, and placings that do not count."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.derived import STANDING_ORDERS as SOURCE
from domain.order.events import OrderPlaced
from domain.order.kind import ORDER
from domain.standing_order.ids import due_on_of, name_in
from projections.projection import Projection, Settled
from projections.standing_orders import numbers_of
from projections.table import Key, Row, RowIndex, RowTable


class StandingPlacement(NamedTuple):
    """One row for each due date of a standing order for which Waybill stated that an order is placed."""

    order_id: Annotated[str, Key("The order.")]
    standing_order_id: Annotated[str, "The standing order."]
    due_on: Annotated[str, "The date (YYYY-MM-DD)."]
    placed_at: Annotated[datetime, "When the order was placed, by that message."]
    counts: Annotated[bool, "Whether the order was placed by it; false if the message was refused or voided."]
    due_day: Annotated[int, "The date in days since 1970-01-01."]
    due_month: Annotated[int, "The date's month, counted from year 0."]
    day_of_month: Annotated[int, "The date's day of the month."]
    days_in_month: Annotated[int, "How many days that month has."]


standing_placements = RowTable(
    "standing_placements",
    StandingPlacement,
    indexes=(RowIndex("standing_placements_by_standing_order", ("standing_order_id", "placed_at")),),
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The order's placing, if a standing order stated one, whatever its verdict: its date is not due again."""
    if name_in(settled.subject_id) is None:
        return {standing_placements.name: ()}  # most orders: their ids say that no standing order can have placed them
    rows: list[Row] = [
        StandingPlacement(
            order_id=settled.subject_id,
            standing_order_id=fact.standing_order_id,
            placed_at=fact.occurred_at,
            counts=took_effect,
            **numbers_of(due_on_of(settled.subject_id)),
        )
        for fact, took_effect in settled.all_of(OrderPlaced)
        if fact.source == SOURCE and fact.standing_order_id is not None
    ]
    return {standing_placements.name: rows}


STANDING_PLACEMENTS = Projection(
    name="standing_placements", version=2, kind=ORDER, tables=(standing_placements,), shape=shape
)
