"""The data of messages on the topic `expedites`."""

from typing import Literal

from pydantic import Field

from consumers.contract.values import Amount, ByDay, Id, Text, WireModel, ZoneOfDays

Requester = Literal["customer", "rep"]
InformedAbout = Literal["expedite", "delay", "other"]


class ExpediteRequestedData(WireModel):
    """Someone asked for a faster delivery of the order."""

    request_id: Id = Field(description="The id of the request, unique within the order.")
    needed_by: ByDay = Field(description="The instant or day by which the customer needs the order.")
    reason: Text = Field(description="Why it has to be faster.")
    requested_by: Requester | None = Field(None, description="Who asked.")
    time_zone: ZoneOfDays


class ExpediteGrantedData(WireModel):
    """The order will arrive faster."""

    request_id: Id = Field(description="The request that was granted.")
    promised_by: ByDay = Field(description="The instant or day by which everything is promised from now on.")
    surcharge: Amount | None = Field(None, description="What the customer pays for it, in the order's currency.")
    time_zone: ZoneOfDays


class ExpediteDeclinedData(WireModel):
    """The order cannot arrive faster, and the customer must be informed."""

    request_id: Id = Field(description="The request that was declined.")
    reason: Text = Field(description="Why it is impossible.")


class CustomerInformedData(WireModel):
    """The customer was informed about a declined expedite, a delay or something else."""

    about: InformedAbout = Field(description="What the customer was informed about.")
    request_id: Id | None = Field(None, description="The expedite request; without it, all follow-ups owed.")
    channel: Text | None = Field(None, description="The channel of the conversation.")
    note: Text | None = Field(None, description="A note about the conversation.")
