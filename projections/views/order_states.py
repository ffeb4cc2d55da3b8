"""order_states: all the rows that views of orders query."""

from typing import Any

from sqlalchemy import Select, select

from projections.views.as_of import AsOf
from projections.views.tables import order_states


def order_periods(as_of: AsOf) -> Select[Any]:
    """All periods of all orders; at an instant, those that held then."""
    question = select(order_states).order_by(order_states.c.order_id, order_states.c.valid_from)
    return question if as_of.present else question.where(as_of.holds(order_states))
