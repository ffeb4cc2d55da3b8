"""Which scans of parcels were said to orders: derived messages that stand, whatever their verdicts.

They belong to no subject's rows. The store has them as a view of what the parcels reactor stated (migration 0010). For
known at, a temporary table has those that followed then (infra/settled_then/derived.py).
"""

from sqlalchemy import Column, MetaData, Table

from projections.views.columns import Instant, Name

matched_scans = Table(
    "matched_scans_of_reactor",
    MetaData(),
    Column("order_id", Name, comment="The order."),
    Column("scan", Name, comment="Identifies the scan, as in parcel_scans."),
    Column("valid_from", Instant, comment="From when the scan is about a shipment of the order."),
    comment="One row for each message about a tracking number that was said to a shipment of an order.",
)
