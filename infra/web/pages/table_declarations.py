"""The table page of each view: its title, which columns come first, and how rows are filtered.

A view without a declaration has a page too, with all its columns and no form. Columns are those of the catalogue
(projections/views/catalogue.py); tests/web/test_tables.py holds that every declared one exists.
"""

from collections.abc import Mapping

from infra.web.pages.table_page import Filter, Table, Widget
from projections.views.catalogue import View

REP = Filter("rep_id", Widget.REP, "nobody")
SEGMENT = Filter("segment", Widget.CHOICE)
STAGE = Filter("stage", Widget.CHOICE)
MODE = Filter("mode", Widget.CHOICE, "not booked")
CARRIER = Filter("carrier", Widget.TEXT)
ACCOUNT = Filter("account_id", Widget.TEXT)
ORDER = Filter("order_id", Widget.TEXT)
MONTH = Filter("month", Widget.TEXT)

HOW_IT_STANDS = (
    "stage",
    "estimated_delivery",
    "carrier",
    "rep_id",
    "account_id",
    "expedite",
    "follow_up_owed",
    "open_value",
)
"""The columns of an open order that somebody has to look after."""
OF_OPEN_ORDERS = (
    *(REP, SEGMENT, STAGE, MODE, CARRIER),
    Filter("expedite", Widget.CHOICE),
    Filter("promised_by", Widget.DATES),
)

TABLES: Mapping[str, Table] = {
    "overdue": Table(
        "Overdue",
        "Open orders past their promise, the longest overdue first.",
        "Nothing is overdue.",
        (
            "order_id",
            "hours_overdue",
            "promised_by",
            *HOW_IT_STANDS,
        ),
        OF_OPEN_ORDERS,
        not_then="not overdue then",
    ),
    "at-risk": Table(
        "At risk",
        "Open orders that are on time now and may become late, the nearest promise first.",
        "No open order is at risk.",
        (
            "order_id",
            "hours_left",
            "why",
            *HOW_IT_STANDS,
        ),
        (
            Filter("why", Widget.CHOICE),
            *OF_OPEN_ORDERS,
        ),
        not_then="not at risk then",
    ),
    "late": Table(
        "Late",
        "Orders that were completed after their promise, as they were delivered.",
        "No order was completed late.",
        (
            "order_id",
            "hours_late",
            "promised_by",
            "delivered_at",
            "carrier",
            "mode",
            "rep_id",
            "account_id",
            "short",
        ),
        (REP, CARRIER, MODE, ACCOUNT, Filter("short", Widget.YES_NO), Filter("delivered_at", Widget.DATES)),
        {"rep_id": "Rep then", "delivered_at": "Completed", "short": "Complete"},
        not_then="not late then",
    ),
    "follow-ups": Table(
        "Follow-ups",
        "Customers who are owed a word about a delay or a declined expedite, the longest owed first.",
        "Every customer has been told.",
        ("order_id", "about", "rep_id", "hours_owed", "owed_since"),
        (REP, Filter("about", Widget.CHOICE), Filter("owed_since", Widget.DATES)),
        {"about": "To be told of", "request_id": "Declined request"},
        {"account_id": "order_id", "say": "about", "inform": "hours_owed"},
        not_then="not owed then",
    ),
    "orders": Table(
        "Orders",
        "Every order: how it stands, what it is worth, whether it was on time.",
        "There is no order yet.",
        (
            "order_id",
            "status",
            "promised_by",
            "on_time",
            "rep_id",
            "account_id",
            "segment",
            "placed_at",
            "completed_at",
            "order_value",
            "open_value",
            "lines",
            "shipments",
        ),
        (
            Filter("status", Widget.CHOICE),
            REP,
            SEGMENT,
            ACCOUNT,
            Filter("channel", Widget.CHOICE),
            Filter("on_time", Widget.YES_NO, "not yet"),
            Filter("reference", Widget.TEXT),
            Filter("placed_at", Widget.DATES),
            Filter("promised_by", Widget.DATES),
        ),
    ),
    "shipments": Table(
        "Shipments",
        "Every shipment of every order, with how far it is.",
        "No shipment was booked yet.",
        (
            "order_id",
            "shipment_id",
            "carrier",
            "mode",
            "tracking_number",
            "booked_at",
            "dispatched_at",
            "estimated_delivery",
            "delivered_at",
            "cancelled_at",
            "attempts",
            "cost",
        ),
        (
            CARRIER,
            Filter("mode", Widget.CHOICE),
            ORDER,
            Filter("tracking_number", Widget.TEXT),
            Filter("attempts", Widget.LEAST),
            Filter("booked_at", Widget.DATES),
            Filter("estimated_delivery", Widget.DATES),
        ),
    ),
    "order-lines": Table(
        "Order lines",
        "What was ordered, line by line, and how much of it was delivered.",
        "No order has lines yet.",
        ("order_id", "line", "sku", "kind", "quantity", "booked", "delivered", "returned", "unit_price", "promised_by"),
        (ORDER, Filter("sku", Widget.TEXT), Filter("kind", Widget.CHOICE), Filter("promised_by", Widget.DATES)),
    ),
    "expedites": Table(
        "Expedites",
        "Requests to deliver sooner: undecided ones first, then the latest.",
        "Nobody asked to have an order sooner.",
        (
            "order_id",
            "request_id",
            "decision",
            "hours_open",
            "needed_by",
            "requested_at",
            "rep_id",
            "account_id",
            "promised_by",
            "met",
            "informed_at",
        ),
        (
            REP,
            Filter("decision", Widget.CHOICE, "undecided"),
            Filter("met", Widget.YES_NO, "not yet"),
            ACCOUNT,
            Filter("needed_by", Widget.DATES),
        ),
        {"promised_by": "Granted for", "informed_at": "Customer told"},
    ),
    "unmatched-parcels": Table(
        "Unmatched parcels",
        "Tracking numbers of which carriers speak and that belong to no shipment.",
        "Every parcel of which a carrier speaks belongs to a shipment.",
        ("tracking_number", "carrier", "latest", "messages", "first_heard_at"),
        (CARRIER, Filter("latest", Widget.CHOICE), Filter("first_heard_at", Widget.DATES)),
    ),
    "workload": Table(
        "Workload",
        "The open work of each rep.",
        "No rep is registered, and no order is open.",
        (
            "rep_id",
            "team",
            "open_orders",
            "overdue",
            "at_risk",
            "due_in_24h",
            "follow_ups_owed",
            "expedites_open",
            "to_book",
            "booked",
            "in_transit",
            "partly_delivered",
            "contacts_7d",
        ),
        (REP, Filter("team", Widget.TEXT), Filter("level", Widget.CHOICE), Filter("overdue", Widget.LEAST)),
        rows=500,
    ),
    "scorecard": Table(
        "Scorecard",
        "What each rep placed, delivered, expedited and earned, by month and currency.",
        "Nothing happened that a scorecard counts.",
        (
            "rep_id",
            "month",
            "otif_percent",
            "delivered",
            "late",
            "placed_value",
            "quota",
            "attainment_percent",
            "delivered_value",
            "pay",
        ),
        (REP, MONTH, Filter("currency", Widget.TEXT)),
    ),
    "carriers": Table(
        "Carriers",
        "How each carrier delivered what was booked in each month, and what it cost.",
        "No shipment was booked yet.",
        (
            "carrier",
            "mode",
            "month",
            "shipments",
            "delivered",
            "on_time",
            "late",
            "mean_hours_late",
            "attempts",
            "cost",
        ),
        (CARRIER, Filter("mode", Widget.CHOICE), MONTH, Filter("currency", Widget.TEXT)),
        {"mean_hours_late": "Mean hours late"},
    ),
    "accounts": Table(
        "Accounts",
        "What each account orders, whether it is served on time, and how it grows.",
        "No account has ordered yet.",
        (
            "account_id",
            "rep_id",
            "segment",
            "tier",
            "orders",
            "open_orders",
            "overdue",
            "on_time_percent",
            "order_value",
            "value_month",
            "growth_percent",
            "last_order_at",
        ),
        (
            REP,
            SEGMENT,
            Filter("tier", Widget.TEXT),
            Filter("currency", Widget.TEXT),
            Filter("overdue", Widget.LEAST),
        ),
    ),
    "standing-orders": Table(
        "Standing orders",
        "Each standing order with its next due date and what was placed for it.",
        "There is no standing order.",
        ("standing_order_id", "next_due", "last_order_id", "placed", "missed"),
        (Filter("missed", Widget.LEAST),),
    ),
}
"""The declared pages, by the view's verb."""


def table_of(view: View) -> Table:
    """The declaration of a view, or for one without: all its columns."""
    declared = TABLES.get(view.command)
    if declared is not None:
        return declared
    title = view.command.replace("-", " ").capitalize()
    return Table(title, view.description, "There is no row.", view.columns)
