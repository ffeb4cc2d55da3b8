"""The projections' SQL tables, generated from their row classes.

Each version of a projection has its own tables, such as `order_states_v3`, and so has each rebuild of a version. Which
of them serve is stored. See docs/decisions/013-tables-by-version.md and 021-rebuild-beside.md.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, and_
from sqlalchemy.types import TypeEngine

from projections.accounts import account_periods as account_rows
from projections.catalogue import every_projection
from projections.contacts import contacts as contact_rows
from projections.expedites import expedite_periods as expedite_rows
from projections.follow_ups import follow_up_periods as follow_up_rows
from projections.late_deliveries import late_delivery_periods as late_delivery_rows
from projections.order_beliefs import belief_reasons as belief_reason_rows
from projections.order_beliefs import order_beliefs as order_belief_rows
from projections.order_beliefs import unapplied_beliefs as unapplied_belief_rows
from projections.order_lines import order_line_periods as order_line_rows
from projections.order_states import order_states as order_state_rows
from projections.order_states import rep_open_orders as rep_open_order_rows
from projections.parcel_scans import parcel_scans as parcel_scan_rows
from projections.rep_pay import rep_pay_plan_periods as rep_pay_plan_rows
from projections.rep_pay import rep_quota_periods as rep_quota_rows
from projections.reps import rep_periods as rep_rows
from projections.shipments import shipment_periods as shipment_rows
from projections.standing_orders import missed_dates as missed_date_rows
from projections.standing_orders import standing_order_periods as standing_order_rows
from projections.standing_placements import standing_placements as standing_placement_rows
from projections.table import RowTable, ValueType
from projections.views.columns import Amount, Day, Hours, Instant, Name, Rate
from projections.views.in_force import class_of_periods

SQL_TYPES: Mapping[ValueType, TypeEngine[Any] | type[TypeEngine[Any]]] = {
    ValueType.TEXT: Name,
    ValueType.WHOLE: Integer,
    ValueType.BOOLEAN: Boolean,
    ValueType.INSTANT: Instant,
    ValueType.RATE: Rate,  # before amounts, which rates are too
    ValueType.AMOUNT: Amount,
    ValueType.DAY: Day,
    ValueType.HOURS: Hours,
}

metadata = MetaData()
"""All tables of this code's projection versions."""


def version_suffix(version: int, build: int = 0) -> str:
    """The suffix of the stored names of tables and indexes of this projection version, such as "_v3".

    A rebuild fills the tables of the next build, whose names end with "_v3_b1".
    """
    return f"_v{version}_b{build}" if build else f"_v{version}"


def sql_table(declared: RowTable[Any], metadata: MetaData, suffix: str = "") -> Table:
    """The table of a row class, with comments and indexes, added to `metadata`; all names end with `suffix`."""
    table = Table(
        declared.name + suffix,
        metadata,
        *(
            Column(
                column.name,
                SQL_TYPES[column.type],
                primary_key=column.key,
                nullable=column.nullable,
                comment=column.doc,
            )
            for column in declared.columns
        ),
        comment=declared.doc,
    )
    for index in declared.indexes:
        only = [
            table.c[name].is_(None) if value is None else table.c[name] == value for name, value in index.where.items()
        ]
        where: dict[str, Any] = {f"{name}_where": and_(*only) for name in ("sqlite", "postgresql")} if only else {}
        first = (class_of_periods(table), table.c.valid_from) if index.of_lengths else ()
        Index(index.name + suffix, *first, *(table.c[name] for name in index.columns), **where)
    return table


def value_type(column_type: TypeEngine[Any]) -> ValueType:
    """The type of a query's column by its SQL type; text unless it is one of SQL_TYPES."""
    for kind, declared in SQL_TYPES.items():
        cls = declared if isinstance(declared, type) else type(declared)
        if isinstance(column_type, cls) and kind is not ValueType.TEXT:
            return kind
    return ValueType.TEXT


_TABLES = {
    declared: sql_table(declared, metadata, version_suffix(projection.version))
    for projection in every_projection()
    for declared in (*projection.tables, *(totals.table for totals in projection.totals))
}


def table_of(declared: RowTable[Any]) -> Table:
    """The SQL table of a projection's rows or totals, of this code's version of the projection."""
    return _TABLES[declared]


order_states = table_of(order_state_rows)
rep_open_orders = table_of(rep_open_order_rows)
order_line_periods = table_of(order_line_rows)
shipment_periods = table_of(shipment_rows)
expedite_periods = table_of(expedite_rows)
follow_up_periods = table_of(follow_up_rows)
late_delivery_periods = table_of(late_delivery_rows)
rep_periods = table_of(rep_rows)
account_periods = table_of(account_rows)
rep_quota_periods = table_of(rep_quota_rows)
rep_pay_plan_periods = table_of(rep_pay_plan_rows)
contacts = table_of(contact_rows)
parcel_scans = table_of(parcel_scan_rows)
standing_order_periods = table_of(standing_order_rows)
missed_dates = table_of(missed_date_rows)
standing_placements = table_of(standing_placement_rows)
order_beliefs = table_of(order_belief_rows)
unapplied_beliefs = table_of(unapplied_belief_rows)
belief_reasons = table_of(belief_reason_rows)
