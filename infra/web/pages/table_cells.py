"""How the value of a column is shown: by the column's name where it means something to people, else by its type.

`kind_of` names a macro of templates/table_macros.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.web.deadlines import DEADLINES
from projections.table import ValueType
from projections.views.catalogue import ViewColumn

BY_NAME: Mapping[str, str] = {
    "order_id": "order",
    "last_order_id": "order",
    "rep_id": "rep",
    "placed_rep_id": "rep",
    "account_id": "account",
    "stage": "stage",
    "expedite": "expedite",
    "why": "why",
    "status": "status",
    "hours_overdue": "late",
    "hours_late": "late",
    "hours_left": "left",
    "hours_owed": "owed",
    "hours_open": "owed",
    "follow_up_owed": "to_be_told",
    "untaken_messages": "untaken",
    "on_time": "on_time",
    "met": "on_time",
    "short": "short",
    "decision": "decision",
    "order_value": "money",
    "open_value": "money",
    "placed_value": "money",
    "delivered_value": "money",
    "value_month": "money",
    "value_month_before": "money",
    "unit_price": "money",
    "quota": "money",
    "base": "money",
    "commission": "money",
    "bonus": "money",
    "pay": "money",
    "cost": "money",
    **dict.fromkeys(DEADLINES, "deadline"),
    "tracking_number": "id",
    "request_id": "id",
    "shipment_id": "id",
    "line": "id",
    "standing_order_id": "id",
    "sku": "id",
    "reference": "id",
    "segment": "words",
    "mode": "words",
    "channel": "words",
    "about": "words",
    "latest": "words",
    "say": "say",
    "inform": "inform",
}
BY_TYPE: Mapping[ValueType, str] = {
    ValueType.TEXT: "text",
    ValueType.WHOLE: "number",
    ValueType.BOOLEAN: "yes_no",
    ValueType.INSTANT: "instant",
    ValueType.AMOUNT: "amount",
    ValueType.HOURS: "owed",
}
TYPES: Mapping[str, ValueType] = {"on_time": ValueType.BOOLEAN}
"""The type that a kind is for, where another view has a column of the same name and another type."""
AT_THE_RIGHT = ("number", "amount", "money", "percent", "count")
COUNTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "open_orders": ("/orders", {"status": "open"}),
    "overdue": ("/overdue", {}),
    "at_risk": ("/at-risk", {}),
    "follow_ups_owed": ("/follow-ups", {}),
    "expedites_open": ("/expedites", {"decision": ""}),
}
"""Counts that lead to the rows they count: the page, and its filters beside the rep or the account."""


@dataclass(frozen=True)
class ShownColumn:
    """A column of a table: how its values are shown (a macro of table_macros.html) and its heading."""

    name: str
    heading: str
    kind: str
    doc: str
    sortable: bool = True

    @property
    def right(self) -> bool:
        return self.kind in AT_THE_RIGHT


def kind_of(column: ViewColumn) -> str:
    """How the values of this column are shown."""
    kind = BY_NAME.get(column.name)
    if kind is not None and TYPES.get(kind, column.type) is column.type:
        return kind
    if column.name in COUNTS and column.type is ValueType.WHOLE:
        return "count"
    if column.name.endswith("_percent"):
        return "percent"
    return BY_TYPE[column.type]
