"""What messages on the topic `deliveries` say."""

from pydantic import Field

from consumers.contract.lines import LineQuantities
from consumers.contract.wire import Id, Text, Truth, WireModel


class DeliveryAttemptedData(WireModel):
    """The goods were brought to the customer, and could not be left there."""

    shipment_id: Id = Field(description="The shipment that was brought.")
    reason: Text | None = Field(None, description="Why it could not be delivered.")


class DeliveryConfirmedData(WireModel):
    """The customer has the goods; the message's `time` is when they were delivered."""

    shipment_id: Id = Field(description="The shipment that was delivered, or a part of it.")
    parcel: Id | None = Field(None, description="The one of the shipment's parcels that was delivered.")
    lines: LineQuantities | None = Field(
        None, description="What was delivered; without it, the undelivered rest of the shipment."
    )
    signed_by: Text | None = Field(None, description="Who signed for it, as proof of delivery.")


class DeliveryReturnedData(WireModel):
    """Goods that were delivered came back."""

    shipment_id: Id = Field(description="The shipment that had delivered them.")
    lines: LineQuantities | None = Field(None, description="What came back; without it, all that it delivered.")
    reason: Text = Field(description="Why they came back.")
    replace: Truth = Field(False, description="Whether they are to be replaced: true, or false as without it.")
