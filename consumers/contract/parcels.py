"""The data of messages about parcels, on the topic `deliveries`; the subject is a tracking number."""

from pydantic import Field

from consumers.contract.values import ByDay, Id, Text, WireModel, ZoneOfDays


class ParcelDispatchedData(WireModel):
    """A carrier has the parcel."""

    carrier: Id | None = Field(None, description="The carrier.")


class ParcelDelayedData(WireModel):
    """A parcel is expected at another time."""

    carrier: Id | None = Field(None, description="The carrier.")
    estimated_delivery: ByDay | None = Field(
        None, description="The instant or day by which it is expected now; without it, it is not known any more."
    )
    reason: Text | None = Field(None, description="Why it is late.")
    time_zone: ZoneOfDays


class ParcelAttemptedData(WireModel):
    """An attempt to deliver a parcel failed."""

    carrier: Id | None = Field(None, description="The carrier.")
    reason: Text | None = Field(None, description="Why it could not be delivered.")


class ParcelDeliveredData(WireModel):
    """The customer has the parcel; the message's `time` is when it was delivered."""

    carrier: Id | None = Field(None, description="The carrier.")
    signed_by: Text | None = Field(None, description="Who signed for it, as proof of delivery.")
