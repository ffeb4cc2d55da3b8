"""unmatched_parcels: tracking numbers with carriers' messages that belong to no shipment."""

from typing import Any

from sqlalchemy import Integer, Select, case, func, select

from projections.views.as_of import AsOf
from projections.views.matched_scans import matched_scans
from projections.views.tables import parcel_scans

UNMATCHED_COLUMN_DOCS = {
    "tracking_number": "The carrier's number of the parcel.",
    "carrier": "The carrier, by the latest of these messages that names one.",
    "messages": "How many messages about it were said to no order.",
    "latest": "What the latest of them says: dispatched, delayed, attempted or delivered.",
    "first_heard_at": "When the first of them was recorded.",
}


def unmatched_parcels(as_of: AsOf) -> Select[Any]:
    """Numbers with messages by T that are about no order's shipment, the longest known first."""
    scan, matched = parcel_scans.c, matched_scans.c
    said_to_an_order = select(matched.scan).where(matched.scan == scan.scan, as_of.happened(matched.valid_from))
    latest_first = func.row_number().over(partition_by=scan.tracking_number, order_by=scan.place.desc())
    # Those that name a carrier come before the others.
    by_carrier = func.row_number().over(
        partition_by=scan.tracking_number,
        order_by=(case((scan.carrier.is_(None), 1), else_=0), scan.place.desc()),
    )
    unmatched = (
        select(
            scan.tracking_number,
            scan.said,
            scan.carrier,
            scan.recorded_at,
            latest_first.label("latest_first"),
            by_carrier.label("by_carrier"),
        )
        .where(as_of.happened(scan.scanned_at), ~said_to_an_order.exists())
        .subquery("unmatched")
        .c
    )
    first_heard_at = func.min(unmatched.recorded_at, type_=unmatched.recorded_at.type)
    return (
        select(
            unmatched.tracking_number,
            func.max(case((unmatched.by_carrier == 1, unmatched.carrier)), type_=unmatched.carrier.type).label(
                "carrier"
            ),
            func.count().cast(Integer).label("messages"),
            func.max(case((unmatched.latest_first == 1, unmatched.said)), type_=unmatched.said.type).label("latest"),
            first_heard_at.label("first_heard_at"),
        )
        .group_by(unmatched.tracking_number)
        .order_by(first_heard_at, unmatched.tracking_number)
    )
