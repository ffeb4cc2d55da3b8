"""The data of messages on the topic `deliveries`."""

from pydantic import Field

from consumers.contract.lines import LineQuantities
from consumers.contract.values import Id, Text, Truth, WireModel


class DeliveryAttemptedData(WireModel):
    """An attempt to deliver the goods failed."""

    shipment_id: Id = Field(description="The shipment.")
    reason: Text | None = Field(None, description="Why it could not be delivered.")


class DeliveryConfirmedData(WireModel):
    """The customer has the goods; the message's `time` is when they were delivered."""

    shipment_id: Id = Field(description="The shipment that was delivered, or a part of it.")
    parcel: Id | None = Field(None, description="The parcel of the shipment that was delivered.")
    lines: LineQuantities | None = Field(
        None, description="The delivered lines and quantities; without it, the undelivered rest of the shipment."
    )
    signed_by: Text | None = Field(None, description="Who signed for it, as proof of delivery.")


class DeliveryReturnedData(WireModel):
    """Goods that were delivered came back."""

    shipment_id: Id = Field(description="The shipment that delivered them.")
    lines: LineQuantities | None = Field(
        None, description="The returned lines and quantities; without it, all that the shipment delivered."
    )
    reason: Text = Field(description="Why they came back.")
    replace: Truth = Field(False, description="Whether they must be replaced; default: false.")
