"""standing_placements: the orders that Waybill placed for standing orders."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.derived import STANDING_ORDERS as SOURCE
from domain.order.events import OrderPlaced
from domain.order.kind import ORDER
from domain.standing_order.ids import due_on_of
from projections.projection import Projection, Settled
from projections.standing_orders import numbers_of
from projections.table import Key, Row, RowIndex, RowTable


class StandingPlacement(NamedTuple):
    """One row for each order that Waybill placed for a due date of a standing order."""

    order_id: Annotated[str, Key("The order.")]
    standing_order_id: Annotated[str, "The standing order."]
    due_on: Annotated[str, "The date (YYYY-MM-DD)."]
    placed_at: Annotated[datetime, "When the order was placed."]
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
    """The order's placing, if a standing order placed it: nothing happens to an order before it is placed."""
    rows: list[Row] = []
    if settled.moments:
        at, fact, _ = settled.moments[0]
        if isinstance(fact, OrderPlaced) and fact.source == SOURCE and fact.standing_order_id is not None:
            rows.append(
                StandingPlacement(
                    order_id=settled.subject_id,
                    standing_order_id=fact.standing_order_id,
                    placed_at=at,
                    **numbers_of(due_on_of(settled.subject_id)),
                )
            )
    return {standing_placements.name: rows}


STANDING_PLACEMENTS = Projection(
    name="standing_placements", version=1, kind=ORDER, tables=(standing_placements,), shape=shape
)
