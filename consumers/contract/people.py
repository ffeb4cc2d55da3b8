"""The data of messages on the topic `people`: reps, accounts and their contacts."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from consumers.contract.values import (
    STAYS,
    Amount,
    Currency,
    Id,
    Month,
    Number,
    Text,
    TimeZone,
    WireModel,
    must_together,
)
from domain.order.events import Segment
from domain.rep.events import Level

ContactDirection = Literal["inbound", "outbound"]
ContactAbout = Literal["order", "inquiry", "account_update", "promotion"]


class CustomerContactedData(WireModel):
    """A rep and a customer talked."""

    direction: ContactDirection = Field(description="Whether the customer called or the rep did.")
    about: ContactAbout = Field(description="What they talked about.")
    rep_id: Id = Field(description="The rep who talked with the customer.")
    note: Text | None = Field(None, description="A note about the conversation.")


class RepRegisteredData(WireModel):
    """A rep started to work; registering again replaces all fields."""

    name: Id = Field(description="The rep's name.")
    level: Level = Field(description="The rep's level.")
    team: Text | None = Field(None, description="The team that the rep belongs to.")
    mentor_id: Id | None = Field(None, description="The rep's mentor.")


class RepChangedData(WireModel):
    """A rep's details changed: an absent field stays as it is, null clears team or mentor."""

    model_config = ConfigDict(
        # Not without all of them.
        json_schema_extra={
            "not": {"allOf": [{"not": {"required": [name]}} for name in ("name", "level", "team", "mentor_id")]}
        }
    )

    name: Id = Field(STAYS, description="The rep's name from now on.")
    level: Level = Field(STAYS, description="The rep's level from now on.")
    team: Text | None = Field(STAYS, description="The team that the rep belongs to from now on, or null for none.")
    mentor_id: Id | None = Field(STAYS, description="The rep's mentor from now on, or null for none.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise must_together("have at least one of name, level, team and mentor_id")
        return self


def _only(name: str, title: str) -> JsonDict:
    return {"title": title, "required": [name], "properties": {name: {"not": {"type": "null"}}}}


class RepQuotaSetData(WireModel):
    """A rep has a quota for a month: an amount, or growth over the month before."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_only("target_amount", "QuotaByAmount"), _only("growth_percent", "QuotaByGrowth")]}
    )

    month: Month = Field(description="The month of the quota.")
    currency: Currency = Field(description="The currency of the orders that count towards it.")
    target_amount: Amount | None = Field(None, description="The value of orders to be placed in the month.")
    growth_percent: Number | None = Field(
        None, description="The growth over the month before, in percent; may be negative."
    )

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.target_amount is None) == (self.growth_percent is None):
            raise must_together("have exactly one of target_amount and growth_percent")
        return self


class RepPayPlanSetData(WireModel):
    """A rep's pay from a month on."""

    month: Month = Field(description="The first month of the plan.")
    base: Amount = Field(description="The base pay of a month.")
    currency: Currency = Field(description="The currency of the plan's amounts.")
    commission_percent: Number = Field(description="The commission, in percent of what was delivered in the month.")
    quota_bonus: Amount | None = Field(None, description="The bonus for a month in which the quota was reached.")
    new_account_bonus: Amount | None = Field(None, description="The bonus for each account's first order.")


class AccountRegisteredData(WireModel):
    """A customer has an account; registering again replaces all fields."""

    name: Id = Field(description="The customer's name.")
    segment: Segment = Field(description="Whether the customer is a business or a consumer.")
    rep_id: Id | None = Field(None, description="The rep of the account.")
    tier: Text | None = Field(None, description="The tier of the account.")
    time_zone: TimeZone | None = Field(None, description="The customer's time zone, by its name in the IANA database.")


class AccountAssignedData(WireModel):
    """Another rep has the account from now on; its orders stay with their reps."""

    rep_id: Id = Field(description="The rep of the account from now on.")


class RepLeftData(WireModel):
    """A rep left; the name stays known."""

    reason: Text | None = Field(None, description="Why the rep left.")
