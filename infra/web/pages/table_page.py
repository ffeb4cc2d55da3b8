"""What a table page of a view is made of: its title, columns, headings and the filters of its form.

The pages themselves are declared in table_declarations.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import get_args

from domain.order.events import Channel, LineKind, Mode, Segment
from domain.rep.events import Level
from infra.queries.view_pages import PAGE
from projections.views.desk_load import RISKS

ALL_OF: Mapping[str, Sequence[str]] = {
    "segment": get_args(Segment),
    "stage": ("to_book", "booked", "in_transit", "partly_delivered"),
    "why": RISKS,
    "mode": get_args(Mode),
    "expedite": ("none", "requested", "granted", "declined"),
    "status": ("open", "delivered", "cancelled"),
    "about": ("delay", "expedite"),
    "channel": get_args(Channel),
    "decision": ("granted", "declined"),
    "level": get_args(Level),
    "kind": get_args(LineKind),
    "latest": ("dispatched", "delayed", "attempted", "delivered"),
}
"""The values of columns that have few, in the order of work."""


class Widget(Enum):
    """How a form asks for a filter."""

    CHOICE = "one of a few values"
    REP = "one of the registered reps, or nobody"
    TEXT = "a whole value"
    YES_NO = "yes or no"
    DATES = "from a day on, and before a day"
    LEAST = "at least this number"


@dataclass(frozen=True)
class Filter:
    """A filter in the form of a page. `null` is what the absent value is called, if it can be asked for."""

    column: str
    widget: Widget
    null: str | None = None


@dataclass(frozen=True)
class Table:
    """The table page of a view."""

    title: str
    question: str
    """What the page answers, as a sentence under the title."""
    empty: str
    """What it says when there is nothing."""
    columns: Sequence[str]
    """The columns that are shown first; the others are shown with `columns=all`."""
    filters: Sequence[Filter] = ()
    headings: Mapping[str, str] = field(default_factory=dict)
    """Headings of this page alone, beside HEADINGS."""
    added: Mapping[str, str] = field(default_factory=dict)
    """Columns that the page adds to the view's, each by the column after which it stands (pages/added_columns.py)."""
    not_then: str = "not in this list then"
    """What is said of a row that, as known today, does not belong here."""
    rows: int = PAGE
    """How many rows a page has; more where there are few, and counting them takes as long as reading them."""


HEADINGS: Mapping[str, str] = {
    "order_id": "Order",
    "rep_id": "Rep",
    "placed_rep_id": "Placed by",
    "account_id": "Account",
    "promised_by": "Promised by",
    "original_promised_by": "First promised by",
    "hours_overdue": "Overdue",
    "hours_left": "Time left",
    "hours_late": "How late",
    "hours_owed": "Waiting for",
    "hours_open": "Undecided for",
    "owed_since": "Owed since",
    "estimated_delivery": "Expected",
    "original_estimate": "First expected",
    "follow_up_owed": "Customer",
    "delivery_attempts": "Attempts",
    "open_value": "Open value",
    "untaken_messages": "Not taken",
    "request_id": "Request",
    "shipment_id": "Shipment",
    "sku": "SKU",
    "open_b2b": "Open B2B",
    "open_b2c": "Open B2C",
    "due_in_24h": "Due in 24 h",
    "contacts_7d": "Contacts, 7 days",
    "follow_ups_owed": "To be told",
    "expedites_open": "Expedites",
    "partly_delivered": "In part",
    "otif_percent": "On time in full",
    "on_time_percent": "On time",
    "attainment_percent": "Attainment",
    "growth_percent": "Growth",
    "short": "Short",
    "mean_hours_late": "Mean lateness",
    "last_order_id": "Last order",
    "standing_order_id": "Standing order",
    "value_month": "This month",
    "value_month_before": "Month before",
    "needed_by": "Needed by",
    "met": "Kept",
    "say": "What to say",
    "inform": "Tell",
}
"""Headings in plain words; of any other column: its name."""


def heading(table: Table, column: str) -> str:
    """The heading of a column on this page."""
    return table.headings.get(column) or HEADINGS.get(column) or column.replace("_", " ").capitalize()
