"""The data of messages on the topic `orders`."""

from pydantic import Field

from consumers.contract.lines import OrderLines
from consumers.contract.values import ByDay, Currency, Id, Text, WireModel, ZoneOfDays
from domain.order.events import Channel, Segment


class OrderPlacedData(WireModel):
    """A rep took an order."""

    account_id: Id | None = Field(None, description="The account that ordered; without it, a guest.")
    rep_id: Id | None = Field(
        None, description="The rep who took the order and is responsible for it from now on; without it, none yet."
    )
    segment: Segment = Field(description="Whether a business or a consumer ordered.")
    channel: Channel = Field(description="The channel of the order.")
    currency: Currency = Field(description="The currency of the order's prices, a code of ISO 4217.")
    lines: OrderLines = Field(description="The order's lines, at least one of goods, each with its own `line`.")
    promised_by: ByDay = Field(description="The instant or day by which the whole order is promised.")
    standing_order_id: Id | None = Field(None, description="The standing order that the order comes from.")
    reference: Text | None = Field(None, description="The customer's own reference for the order.")
    time_zone: ZoneOfDays


class OrderAmendedData(WireModel):
    """The order's lines changed."""

    lines: OrderLines = Field(description="All lines from now on, at least one of goods, each with its own `line`.")
    reason: Text | None = Field(None, description="Why the lines changed.")
    time_zone: ZoneOfDays


class OrderReassignedData(WireModel):
    """Another rep is responsible for the order from now on."""

    rep_id: Id = Field(description="The rep who is responsible for the order from now on.")
    reason: Text | None = Field(None, description="Why the order was handed over.")


class OrderRescheduledData(WireModel):
    """The promise to the customer changed."""

    promised_by: ByDay = Field(description="The instant or day by which everything is promised from now on.")
    reason: Text = Field(description="Why the promise changed.")
    time_zone: ZoneOfDays


class OrderCancelledData(WireModel):
    """The order was cancelled; if it was partly delivered, the rest will never come."""

    reason: Text = Field(description="Why the order was cancelled.")


class OrderReinstatedData(WireModel):
    """A cancelled order is open again."""

    reason: Text = Field(description="Why the order is open again.")
    promised_by: ByDay | None = Field(
        None,
        description="The instant or day by which everything is promised from now on; without it, the promise is "
        "unchanged.",
    )
    time_zone: ZoneOfDays
