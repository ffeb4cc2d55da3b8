"""Follow-ups with what somebody needs who calls the customer: whose order it is, and what there is to say."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from infra.queries.listed import Rows
from infra.queries.views import Asked, Reading, Views
from infra.store.projected.serving import NotFilledError
from projections.expedites import EXPEDITES
from projections.order_states import ORDER_STATES
from projections.views.tables import expedite_periods, order_states

OF_ORDER = ("account_id", "status", "promised_by", "estimated_delivery", "completed_at")
"""What a row gets from its order."""
ESTIMATE_PASSED = "estimate_passed"
"""Whether the estimate of an open order is before T."""
PROMISE_PASSED = "promise_passed"
"""Whether its promise is before T."""
NEEDED_BY = "needed_by"
"""Until when the declined request needed the order; None for a delay."""
AT_ONCE = 500
NOTHING: Mapping[str, Any] = dict.fromkeys((*OF_ORDER, ESTIMATE_PASSED, PROMISE_PASSED, NEEDED_BY))


def customers_to_tell(views: Views, asked: Asked, follow_ups: Rows) -> Rows:
    """These rows of follow_ups with the columns of NOTHING, by these clocks; all None while the views are filled."""
    try:
        with views.reading(asked, (ORDER_STATES, EXPEDITES)) as reading:
            return customers_within(reading, follow_ups)
    except NotFilledError:
        return [{**NOTHING, **row} for row in follow_ups]


def customers_within(reading: Reading, follow_ups: Rows) -> Rows:
    """The same from a snapshot of which ORDER_STATES and EXPEDITES are a part; each order is found by its key."""
    ids = sorted({row["order_id"] for row in follow_ups})
    state, request = order_states.c, expedite_periods.c
    orders: dict[str, Any] = {}
    needed: dict[tuple[str, str], Any] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        of_order = select(state.order_id, *(state[name] for name in OF_ORDER)).where(
            state.order_id.in_(some), reading.as_of.holds(order_states)
        )
        for row in reading.dicts(of_order):
            passed = row["estimated_delivery"] is not None and row["estimated_delivery"] < reading.instant
            late = row["promised_by"] < reading.instant
            orders[row["order_id"]] = {**row, ESTIMATE_PASSED: passed, PROMISE_PASSED: late}
        of_request = select(request.order_id, request.request_id, request.needed_by).where(
            request.order_id.in_(some), reading.as_of.holds(expedite_periods)
        )
        needed.update(((row.order_id, row.request_id), row.needed_by) for row in reading.rows(of_request))
    return [
        {
            **NOTHING,
            **orders.get(row["order_id"], {}),
            NEEDED_BY: needed.get((row["order_id"], row["request_id"] or "")),
            **row,
        }
        for row in follow_ups
    ]
