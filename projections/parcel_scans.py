"""parcel_scans: each message of a carrier about a tracking number."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from domain.parcel.kind import PARCEL
from domain.parcel.scans import scan_digest
from projections.projection import Projection, Settled
from projections.table import Key, Row, RowIndex, RowTable


class ParcelScan(NamedTuple):
    """One row for each message of a carrier about a tracking number."""

    tracking_number: Annotated[str, Key("The carrier's number of the parcel.")]
    scan: Annotated[str, Key("Identifies the message.")]
    place: Annotated[int, "Its place among the messages about this number, from 1, by their times."]
    said: Annotated[str, "dispatched, delayed, attempted or delivered."]
    carrier: Annotated[str | None, "The carrier, if the message names it."]
    scanned_at: Annotated[datetime, "When it happened."]
    recorded_at: Annotated[datetime, "When the message was recorded."]


parcel_scans = RowTable("parcel_scans", ParcelScan, indexes=(RowIndex("parcel_scans_by_scan", ("scan",)),))


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The messages about one number."""

    def row(place: int, at: datetime, fact: Any) -> ParcelScan:
        return ParcelScan(
            tracking_number=settled.subject_id,
            scan=scan_digest(settled.subject_id, *fact.key),
            place=place,
            said=fact.TOPIC.removeprefix("parcel."),
            carrier=fact.carrier,
            scanned_at=at,
            recorded_at=fact.recorded_at,
        )

    return {parcel_scans.name: [row(place, at, fact) for place, (at, fact, _) in enumerate(settled.moments, 1)]}


PARCEL_SCANS = Projection(name="parcel_scans", version=1, kind=PARCEL, tables=(parcel_scans,), shape=shape)
