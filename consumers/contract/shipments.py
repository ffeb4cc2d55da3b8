"""What messages on the topic `shipments` say."""

from pydantic import Field

from consumers.contract.lines import LineQuantities
from consumers.contract.wire import STAYS, Charge, Id, Instant, Text, WireModel
from domain.order.events import Mode


class ShipmentBookedData(WireModel):
    """Shipping was arranged with a courier or with in-house shippers."""

    shipment_id: Id = Field(description="What the shipment is known by within the order.")
    mode: Mode = Field(description="Whether a courier or the house's own shippers bring it.")
    carrier: Id = Field(description="Who carries it.")
    service_level: Text | None = Field(None, description="The carrier's service that was booked.")
    lines: LineQuantities | None = Field(
        None, description="What the shipment takes of the order's lines; without it, all that is left."
    )
    pickup_at: Instant | None = Field(None, description="When it is to be picked up.")
    estimated_delivery: Instant = Field(description="When it is expected to arrive.")
    cost: Charge | None = Field(None, description="What the shipping costs, in the order's currency.")
    tracking_number: Text | None = Field(None, description="The carrier's number to follow it by.")


class ShipmentRebookedData(WireModel):
    """The booking changed: an absent field stays as it is, null clears one that a booking may leave out."""

    shipment_id: Id = Field(description="The shipment whose booking changed.")
    carrier: Id = Field(STAYS, description="Who carries it from now on.")
    mode: Mode = Field(STAYS, description="Whether a courier or in-house shippers bring it from now on.")
    service_level: Text | None = Field(STAYS, description="The carrier's service from now on, or null for none.")
    estimated_delivery: Instant = Field(description="When it is now expected to arrive.")
    cost: Charge | None = Field(STAYS, description="What it costs now, in the order's currency, or null for unknown.")
    tracking_number: Text | None = Field(STAYS, description="The carrier's number from now on, or null for none.")
    reason: Text = Field(description="Why the booking changed.")


class ShipmentDispatchedData(WireModel):
    """The goods left the house."""

    shipment_id: Id = Field(description="The shipment that left.")


class ShipmentDelayedData(WireModel):
    """The shipment will arrive at another time than was expected."""

    shipment_id: Id = Field(description="The shipment that is delayed.")
    estimated_delivery: Instant = Field(description="When it is now expected to arrive.")
    reason: Text = Field(description="Why it is delayed.")


class ShipmentCancelledData(WireModel):
    """The shipment was recalled or lost, before or after it left."""

    shipment_id: Id = Field(description="The shipment that will not arrive.")
    reason: Text = Field(description="Why it will not arrive.")
