"""All views, by the names that people use for them. The projections stand in projections/catalogue.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select

from projections.contacts import CONTACTS
from projections.follow_ups import FOLLOW_UPS
from projections.late_deliveries import LATE_DELIVERIES
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.reps import REPS
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import AT_RISK_COLUMN_DOCS, at_risk_deliveries
from projections.views.follow_ups import FOLLOW_UPS_COLUMN_DOCS, follow_ups
from projections.views.late_deliveries import LATE_COLUMN_DOCS, late_deliveries
from projections.views.order_states import order_periods
from projections.views.overdue_deliveries import OVERDUE_COLUMN_DOCS, overdue_deliveries
from projections.views.rep_workload import WORKLOAD_COLUMN_DOCS, rep_workload
from projections.views.tables import order_states


@dataclass(frozen=True)
class View:
    """A question that the tables of these projections answer for any instant.

    `column_docs` has what computed columns mean; those of the tables say so themselves.
    """

    relation: str
    command: str
    description: str
    question: Callable[[AsOf], Select[Any]]
    projections: tuple[Projection, ...]
    column_docs: Mapping[str, str] = field(default_factory=dict)
    tells_all_periods: bool = False
    """Whether, unless asked as of an instant, it tells all that ever held and not only what does now."""


VIEWS: tuple[View, ...] = (
    View(
        "overdue_deliveries",
        "overdue",
        "Open orders whose promise has passed.",
        overdue_deliveries,
        (ORDER_STATES,),
        OVERDUE_COLUMN_DOCS,
    ),
    View(
        "at_risk_deliveries",
        "at-risk",
        "Open orders that are on time so far and may not stay so.",
        at_risk_deliveries,
        (ORDER_STATES,),
        AT_RISK_COLUMN_DOCS,
    ),
    View(
        "rep_workload",
        "workload",
        "What each rep has on the desk.",
        rep_workload,
        (ORDER_STATES, REPS, CONTACTS),
        WORKLOAD_COLUMN_DOCS,
    ),
    View(
        "late_deliveries",
        "late",
        "Orders that were completed after their promise.",
        late_deliveries,
        (LATE_DELIVERIES,),
        LATE_COLUMN_DOCS,
    ),
    View(
        "follow_ups",
        "follow-ups",
        "What customers are still to be told.",
        follow_ups,
        (FOLLOW_UPS,),
        FOLLOW_UPS_COLUMN_DOCS,
    ),
)


ALL_ORDER_STATES = View(
    "order_states",
    "order-states",
    order_states.comment or "",
    order_periods,
    (ORDER_STATES,),
    tells_all_periods=True,
)
"""The rows that views of orders are questions to, for whoever wants all of them."""


def view_named(name: str) -> View:
    """A view by its verb (`overdue`) or its relation (`overdue_deliveries`). Raises KeyError."""
    for view in VIEWS:
        if name in (view.command, view.relation, view.relation.replace("_", "-")):
            return view
    raise KeyError(name)
