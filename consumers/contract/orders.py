"""What messages on the topic `orders` say."""

from pydantic import Field

from consumers.contract.lines import OrderLines
from consumers.contract.wire import Currency, Id, Instant, Text, WireModel
from domain.order.events import Channel, Segment


class OrderPlacedData(WireModel):
    """A rep took an order."""

    account_id: Id = Field(description="The account that ordered.")
    rep_id: Id = Field(description="The rep who took the order and answers for it from now on.")
    segment: Segment = Field(description="Whether a business or a consumer ordered.")
    channel: Channel = Field(description="The way on which the order came in.")
    currency: Currency = Field(description="The currency of the order's prices, a code of ISO 4217.")
    lines: OrderLines = Field(description="The order's lines, at least one, with unique line numbers.")
    promised_by: Instant = Field(description="The instant by which the customer was promised to have everything.")
    standing_order_id: Id | None = Field(None, description="The standing order that the order comes from.")
    reference: Text | None = Field(None, description="The customer's own reference for the order.")


class OrderAmendedData(WireModel):
    """The order's lines changed."""

    lines: OrderLines = Field(description="All lines as they are from now on, at least one, with unique line numbers.")
    reason: Text | None = Field(None, description="Why the lines changed.")


class OrderReassignedData(WireModel):
    """Another rep answers for the order from now on."""

    rep_id: Id = Field(description="The rep who answers for the order from now on.")
    reason: Text | None = Field(None, description="Why the order was handed over.")


class OrderRescheduledData(WireModel):
    """The customer was given another promise."""

    promised_by: Instant = Field(description="The instant by which everything is promised from now on.")
    reason: Text = Field(description="Why the promise changed.")


class OrderCancelledData(WireModel):
    """The order was cancelled."""

    reason: Text = Field(description="Why the order was cancelled.")
