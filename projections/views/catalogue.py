"""All views by name. The projections are in projections/catalogue.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select

from projections.accounts import ACCOUNTS
from projections.contacts import CONTACTS
from projections.expedites import EXPEDITES
from projections.follow_ups import FOLLOW_UPS
from projections.late_deliveries import LATE_DELIVERIES
from projections.order_lines import ORDER_LINES
from projections.order_states import ORDER_STATES
from projections.parcel_scans import PARCEL_SCANS
from projections.projection import Projection
from projections.rep_pay import REP_PAY
from projections.reps import REPS
from projections.shipments import SHIPMENTS
from projections.standing_orders import STANDING_ORDERS
from projections.standing_placements import STANDING_PLACEMENTS
from projections.table import ValueType
from projections.views.account_book import ACCOUNT_BOOK_COLUMN_DOCS, account_book
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import AT_RISK_COLUMN_DOCS, at_risk_deliveries
from projections.views.carrier_performance import CARRIER_PERFORMANCE_COLUMN_DOCS, carrier_performance
from projections.views.expedites import EXPEDITES_COLUMN_DOCS, expedites
from projections.views.follow_ups import FOLLOW_UPS_COLUMN_DOCS, follow_ups
from projections.views.late_deliveries import LATE_COLUMN_DOCS, late_deliveries
from projections.views.order_lines import order_lines
from projections.views.order_states import order_periods
from projections.views.orders import ORDERS_COLUMN_DOCS, orders
from projections.views.overdue_deliveries import OVERDUE_COLUMN_DOCS, overdue_deliveries
from projections.views.rep_scorecard import SCORECARD_COLUMN_DOCS, rep_scorecard
from projections.views.rep_workload import WORKLOAD_COLUMN_DOCS, rep_workload
from projections.views.shipments import shipments
from projections.views.standing_orders import STANDING_ORDERS_COLUMN_DOCS, standing_orders
from projections.views.tables import order_states, value_type
from projections.views.unmatched_parcels import UNMATCHED_COLUMN_DOCS, unmatched_parcels

ANY_INSTANT = AsOf.at(datetime(2000, 1, 1, tzinfo=UTC))
"""Used to inspect a query without running it."""


class ViewColumn(NamedTuple):
    """A column of a view: its name, its type, its meaning, and whether it belongs to the view's key."""

    name: str
    type: ValueType
    doc: str
    key: bool


@dataclass(frozen=True, eq=False)
class View:
    """A query on the tables of these projections for any instant.

    `column_docs` has the meaning of computed columns; table columns have their own. `key` names the columns that
    together are different in every row; of a row of nobody, or without a request, one of them is null.
    """

    relation: str
    command: str
    description: str
    question: Callable[[AsOf], Select[Any]]
    projections: tuple[Projection, ...]
    column_docs: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    counts_untaken: bool = False
    """Whether it counts the messages about an order that were not taken, which no projection has."""
    matches_scans: bool = False
    """Whether it reads which scans were said to orders, which no projection has."""
    open_orders_only: bool = False
    """Whether, of orders, it reads those alone that are open at T (projections/views/open_orders.py)."""
    contacts_of_a_week_only: bool = False
    """Whether it reads no other contacts than those of the seven days up to T."""
    tells_all_periods: bool = False
    """Whether, without an instant, it returns all periods and not only the present ones."""
    exact_decimals: bool = False
    """Whether it calculates with amounts (projections/views/decimals.py), so that an SQLite file has no plain-SQL
    relation of it: other clients have no exact decimals."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(self.described)

    @cached_property
    def sample_columns(self) -> Mapping[str, ColumnElement[Any]]:
        """The columns of its question for some instant, by name: to look at, not to run."""
        return {str(column.name): column for column in self.question(ANY_INSTANT).selected_columns}

    @cached_property
    def described(self) -> Mapping[str, ViewColumn]:
        """Its columns by name, in order."""
        return {
            name: ViewColumn(
                name,
                value_type(column.type),
                self.column_docs.get(name) or getattr(column, "comment", None) or "",
                name in self.key,
            )
            for name, column in self.sample_columns.items()
        }


VIEWS: tuple[View, ...] = (
    View(
        "overdue_deliveries",
        "overdue",
        "Open orders past their promise.",
        overdue_deliveries,
        (ORDER_STATES,),
        OVERDUE_COLUMN_DOCS,
        key=("order_id",),
        counts_untaken=True,
        open_orders_only=True,
    ),
    View(
        "at_risk_deliveries",
        "at-risk",
        "Open orders that are on time now and may become late.",
        at_risk_deliveries,
        (ORDER_STATES,),
        AT_RISK_COLUMN_DOCS,
        key=("order_id",),
        counts_untaken=True,
        open_orders_only=True,
    ),
    View(
        "rep_workload",
        "workload",
        "The open work of each rep.",
        rep_workload,
        (ORDER_STATES, FOLLOW_UPS, REPS, CONTACTS),
        WORKLOAD_COLUMN_DOCS,
        key=("rep_id",),
        open_orders_only=True,
        contacts_of_a_week_only=True,
    ),
    View(
        "rep_scorecard",
        "scorecard",
        "What each rep placed, delivered, expedited and earned, by month and currency.",
        rep_scorecard,
        (ORDER_STATES, EXPEDITES, REP_PAY),
        SCORECARD_COLUMN_DOCS,
        key=("rep_id", "month", "currency"),
        exact_decimals=True,
    ),
    View(
        "late_deliveries",
        "late",
        "Orders completed after their promise.",
        late_deliveries,
        (LATE_DELIVERIES,),
        LATE_COLUMN_DOCS,
        key=("order_id",),
    ),
    View(
        "follow_ups",
        "follow-ups",
        "Follow-ups owed to customers.",
        follow_ups,
        (ORDER_STATES, FOLLOW_UPS),
        FOLLOW_UPS_COLUMN_DOCS,
        key=("order_id", "about", "request_id"),
        open_orders_only=True,
    ),
    View(
        "orders",
        "orders",
        "Every order: its status, its value, whether it was on time.",
        orders,
        (ORDER_STATES,),
        ORDERS_COLUMN_DOCS,
        key=("order_id",),
    ),
    View(
        "order_lines",
        "order-lines",
        "The lines of each order, with delivered quantities.",
        order_lines,
        (ORDER_LINES,),
        key=("order_id", "line"),
    ),
    View(
        "shipments",
        "shipments",
        "The shipments of each order, with their progress.",
        shipments,
        (SHIPMENTS,),
        key=("order_id", "shipment_id"),
    ),
    View(
        "expedites",
        "expedites",
        "Requests to deliver sooner: undecided ones first, and whether granted promises were met.",
        expedites,
        (EXPEDITES, ORDER_STATES),
        EXPEDITES_COLUMN_DOCS,
        key=("order_id", "request_id"),
    ),
    View(
        "unmatched_parcels",
        "unmatched-parcels",
        "Tracking numbers with carriers' messages that belong to no shipment.",
        unmatched_parcels,
        (PARCEL_SCANS,),
        UNMATCHED_COLUMN_DOCS,
        key=("tracking_number",),
        matches_scans=True,
    ),
    View(
        "carrier_performance",
        "carriers",
        "How each carrier delivered what was booked in each month, and what it cost.",
        carrier_performance,
        (SHIPMENTS,),
        CARRIER_PERFORMANCE_COLUMN_DOCS,
        key=("carrier", "mode", "month", "currency"),
        exact_decimals=True,
    ),
    View(
        "account_book",
        "accounts",
        "What each account orders, whether it is served on time, and how it grows.",
        account_book,
        (ORDER_STATES, ACCOUNTS, STANDING_ORDERS),
        ACCOUNT_BOOK_COLUMN_DOCS,
        key=("account_id", "currency"),
        exact_decimals=True,
    ),
    View(
        "standing_orders",
        "standing-orders",
        "Standing orders: the next due date, and what was placed for each.",
        standing_orders,
        (STANDING_ORDERS, STANDING_PLACEMENTS),
        STANDING_ORDERS_COLUMN_DOCS,
        key=("standing_order_id",),
    ),
)


ALL_ORDER_STATES = View(
    "order_states",
    "order-states",
    order_states.comment or "",
    order_periods,
    (ORDER_STATES,),
    key=("order_id", "valid_from"),
    tells_all_periods=True,
)
"""All the rows that views of orders query."""


def view_named(name: str) -> View:
    """A view by its verb (`overdue`) or its relation (`overdue_deliveries`). Raises KeyError."""
    for view in VIEWS:
        if name in (view.command, view.relation, view.relation.replace("_", "-")):
            return view
    raise KeyError(name)
