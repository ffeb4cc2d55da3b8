"""The columns of each table in the order of their importance: those of a narrow terminal first.

Columns that are not named follow in the order of the table.
"""

from collections.abc import Mapping, Sequence

_ORDER = ("stage", "account_id", "carrier", "estimated_delivery", "expedite", "follow_up_owed", "untaken_messages")
_VALUE = ("currency", "open_value", "mode", "delivery_attempts", "segment", "placed_at", "original_promised_by")

VIEW_COLUMNS: Mapping[str, Sequence[str]] = {
    "overdue_deliveries": ("order_id", "rep_id", "promised_by", "hours_overdue", *_ORDER, *_VALUE),
    "at_risk_deliveries": ("order_id", "rep_id", "promised_by", "hours_left", "why", *_ORDER, *_VALUE),
    "rep_workload": (
        *("rep_id", "name", "open_orders", "overdue", "at_risk", "follow_ups_owed", "to_book", "due_in_24h"),
        *("in_transit", "booked", "expedites_open", "team", "contacts_7d"),
    ),
    "rep_scorecard": (
        *("rep_id", "team", "mentor_id", "month", "currency", "delivered", "placed_value", "quota", "pay"),
        *("attainment_percent", "otif_percent", "late", "delivered_value"),
    ),
    "late_deliveries": ("order_id", "rep_id", "promised_by", "delivered_at", "hours_late", "carrier", "account_id"),
    "follow_ups": ("order_id", "rep_id", "about", "owed_since", "hours_owed", "request_id"),
    "orders": (
        *("order_id", "status", "rep_id", "promised_by", "on_time", "currency", "order_value", "account_id"),
        *("placed_at", "completed_at", "open_value", "lines", "shipments", "segment", "channel", "short"),
        *("last_delivered_at", "original_promised_by", "reference", "cancel_reason", "placed_rep_id"),
    ),
    "order_lines": (
        *("order_id", "line", "sku", "quantity", "booked", "delivered", "promised_by", "delivered_at"),
        *("unit_price", "returned", "over_delivered"),
    ),
    "shipments": (
        *("order_id", "shipment_id", "carrier", "estimated_delivery", "delivered_at", "mode", "dispatched_at"),
        *("attempts", "tracking_number", "booked_at", "cancelled_at"),
    ),
    "expedites": (
        *("order_id", "request_id", "rep_id", "needed_by", "decision", "promised_by", "met", "hours_open"),
        *("informed_at", "requested_at", "account_id"),
    ),
    "unmatched_parcels": ("tracking_number", "carrier", "latest", "messages", "first_heard_at"),
    "carrier_performance": (
        *("carrier", "mode", "month", "currency", "shipments", "late", "on_time", "delivered", "mean_hours_late"),
        *("cost", "attempts"),
    ),
    "account_book": (
        *("account_id", "currency", "name", "rep_id", "open_orders", "overdue", "order_value", "on_time_percent"),
        *("value_month", "growth_percent", "last_order_at", "orders"),
    ),
    "standing_orders": ("standing_order_id", "next_due", "last_order_id", "placed", "missed"),
}
"""By the relation of a view."""

UNTAKEN_MESSAGES = ("letter_id", "verdict", "reason", "subject", "type", "seen_at", "source", "id")
EVENTS = ("position", "stream", "event", "occurred_at", "data", "recorded_at", "message_id", "source", "version")
ORDER_LINES = ("line", "sku", "quantity", "delivered", "booked", "promised_by", "unit_price", "over_delivered")
ORDER_SHIPMENTS = (
    *("shipment_id", "carrier", "mode", "dispatched_at", "estimated_delivery", "delivered_at", "delay_reason"),
    *("cancelled_at", "cancel_reason", "attempts", "tracking_number"),
)
ORDER_UNTAKEN = ("verdict", "reason", "type", "letter_id", "occurred_at")
TIMELINE = ("occurred_at", "event", "verdict", "what_changed", "position", "recorded_at", "took_effect_at")
QUOTES = (
    *("carrier", "currency", "on_time_percent", "median_hours_late", "median_cost", "shipments", "p90_hours_late"),
    *("mean_hours_late", "costs", "mean_cost", "mode", "basis"),
)
KEYS = ("id", "name", "roles", "state", "expires_at", "last_used", "source", "created_at", "created_by")
PARTITIONS = ("topic", "partition", "state", "missing", "lag", "stuck_since", "to_read", "next_offset", "end_offset")
PARKED = ("name", "key", "reason", "since", "position")
HANDED_OVER = ("kind", "subject", "from_rep_id", "to_rep_id", "verdict", "reason", "account_id")
MOVES = ("order_id", "from_rep_id", "to_rep_id", "why", "weight", "account_id")
PLANNED_MESSAGES = ("reactor", "action", "subject", "type", "verdict", "because", "time", "id")
"""Tables of other commands."""
