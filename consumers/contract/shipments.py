"""The data of messages on the topic `shipments`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from consumers.contract.lines import LineQuantities
from consumers.contract.values import STAYS, Amount, ByDay, FromDay, Id, Text, WireModel, ZoneOfDays
from domain.order.events import Mode


def check_parcels(said: list[str]) -> tuple[str, ...] | None:
    """Each parcel once, in the order given; None if there are none."""
    return tuple(dict.fromkeys(said)) or None


Parcels = Annotated[list[Id], AfterValidator(check_parcels)]
"""The parcels of a shipment, by their ids or tracking numbers."""


ChangedLines = Annotated[LineQuantities | None, AfterValidator(lambda lines: STAYS if lines is None else lines)]
"""What a shipment carries from now on. A shipment always carries something, so null has no effect, like absence."""


class ShipmentBookedData(WireModel):
    """Shipping was arranged with a courier or with in-house shippers, or the customer will pick it up."""

    shipment_id: Id = Field(description="The id of the shipment, unique within the order.")
    mode: Mode = Field(description="Whether a courier or in-house shippers deliver it, or the customer picks it up.")
    carrier: Id = Field(description="The carrier.")
    service_level: Text | None = Field(None, description="The booked service level of the carrier.")
    lines: LineQuantities | None = Field(
        None, description="The lines and quantities of the shipment; without it, everything left to book."
    )
    pickup_at: FromDay | None = Field(None, description="The instant or day from which it can be picked up.")
    estimated_delivery: ByDay | None = Field(
        None, description="The instant or day by which it is expected to arrive; without it, unknown."
    )
    cost: Amount | None = Field(None, description="What the shipping costs, in the order's currency.")
    tracking_number: Text | None = Field(None, description="The carrier's tracking number.")
    parcels: Parcels | None = Field(None, description="The shipment's parcels, by their ids or tracking numbers.")
    time_zone: ZoneOfDays


class ShipmentRebookedData(WireModel):
    """The booking changed: an absent field stays as it is, null clears an optional one."""

    shipment_id: Id = Field(description="The shipment whose booking changed.")
    carrier: Id = Field(STAYS, description="The carrier from now on.")
    mode: Mode = Field(STAYS, description="The mode from now on: courier, in-house, or pickup by the customer.")
    service_level: Text | None = Field(STAYS, description="The carrier's service level from now on, or null for none.")
    lines: ChangedLines = Field(
        STAYS, description="Everything that it carries from now on, including what was delivered."
    )
    estimated_delivery: ByDay | None = Field(
        STAYS, description="The instant or day by which it is now expected to arrive, or null for unknown."
    )
    cost: Amount | None = Field(STAYS, description="What it costs now, in the order's currency, or null for unknown.")
    tracking_number: Text | None = Field(STAYS, description="The carrier's number from now on, or null for none.")
    parcels: Parcels | None = Field(STAYS, description="All its parcels from now on, or null for unknown.")
    reason: Text | None = Field(None, description="Why the booking changed.")
    time_zone: ZoneOfDays


class ShipmentDispatchedData(WireModel):
    """The goods left."""

    shipment_id: Id = Field(description="The shipment that left.")


class ShipmentDelayedData(WireModel):
    """The expected arrival of the shipment changed."""

    shipment_id: Id = Field(description="The shipment that is delayed.")
    estimated_delivery: ByDay | None = Field(
        None, description="The instant or day by which it is now expected; without it, unknown."
    )
    reason: Text | None = Field(None, description="Why it is delayed.")
    time_zone: ZoneOfDays


class ShipmentCancelledData(WireModel):
    """The shipment was recalled or lost, before or after it left."""

    shipment_id: Id = Field(description="The shipment that will not arrive.")
    reason: Text = Field(description="Why it will not arrive.")
