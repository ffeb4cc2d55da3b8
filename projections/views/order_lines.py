"""order_lines: the lines of each order, with delivered quantities."""

from typing import Any

from sqlalchemy import Select, select

from projections.views.as_of import AsOf
from projections.views.tables import order_line_periods

PERIOD = ("valid_from", "valid_to")


def order_lines(as_of: AsOf) -> Select[Any]:
    """The lines at T, order by order."""
    line = order_line_periods.c
    return (
        select(*(column for column in line if column.name not in PERIOD))
        .where(as_of.holds(order_line_periods))
        .order_by(line.order_id, line.line)
    )
