"""The data of messages about standing orders, on the topic `people`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from consumers.contract.lines import StandingLines
from consumers.contract.values import (
    Currency,
    Date,
    Days,
    Id,
    LeadDays,
    MonthDay,
    Text,
    Weekday,
    WireModel,
    must_together,
)
from domain.order.events import Segment
from domain.standing_order.events import Every


def _only(name: str, title: str) -> JsonDict:
    return {"title": title, "required": [name], "properties": {name: {"not": {"type": "null"}}}}


class EveryData(WireModel):
    """How often an order is due, by exactly one of the three."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                _only("days", "EveryDays"),
                _only("weekday", "EveryWeekday"),
                _only("month_day", "EveryMonthDay"),
            ]
        }
    )

    days: Days | None = Field(None, description="Every so many days, from `first_on` on.")
    weekday: Weekday | None = Field(None, description="Every week on this day.")
    month_day: MonthDay | None = Field(None, description="Every month on this day; in a shorter month, on its last.")


def as_every(said: EveryData | Mapping[str, Any]) -> Every:
    """The domain's value, from the model or from the fast path's fields."""
    every = Every(**(said.__dict__ if isinstance(said, EveryData) else said))
    if [every.days, every.weekday, every.month_day].count(None) != 2:
        raise must_together("have exactly one of days, weekday and month_day")
    return every


class StandingOrderEstablishedData(WireModel):
    """A customer orders the same again and again; establishing again replaces all terms."""

    account_id: Id = Field(description="The account that orders, in whose time zone the due dates are.")
    rep_id: Id = Field(description="The rep who is responsible for the orders.")
    segment: Segment = Field(description="Whether a business or a consumer orders.")
    currency: Currency = Field(description="The currency of the orders' prices, a code of ISO 4217.")
    lines: StandingLines = Field(description="The lines of each order, at least one of goods, each with its own id.")
    every: Annotated[EveryData, AfterValidator(as_every)] = Field(description="How often an order is due.")
    first_on: Date = Field(description="The first day on which an order can be due.")
    lead_days: LeadDays = Field(description="How many days before it is due an order is placed.")
    until: Date | None = Field(None, description="The last day on which an order can be due; without it, no end.")


class StandingOrderStoppedData(WireModel):
    """A standing order ended: nothing is placed from now on."""

    reason: Text = Field(description="Why it ended.")


class StandingOrderMissedData(WireModel):
    """Waybill's own: an order was found missed, too late to be placed."""

    due_on: Date = Field(description="The day on which the order was due.")
