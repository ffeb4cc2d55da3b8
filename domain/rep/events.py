"""What can happen to a rep."""

from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from domain.fact import Fact, register_event

Level = Literal["entry", "senior"]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


@register_event
class RepRegistered(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Registering again replaces all fields."""

    TOPIC: ClassVar[str] = "rep.registered"
    TYPE: ClassVar[str] = "rep.registered.v1"

    name: str
    level: Level
    team: str | None = None
    mentor_id: str | None = None


@register_event
class RepChanged(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A field that is UNSET stays as it is; None clears team or mentor."""

    TOPIC: ClassVar[str] = "rep.changed"
    TYPE: ClassVar[str] = "rep.changed.v1"

    name: str | Unset = UNSET
    level: Level | Unset = UNSET
    team: str | None | Unset = UNSET
    mentor_id: str | None | Unset = UNSET


@register_event
class RepQuotaSet(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A month's quota, as an amount or as growth in percent over the month before. `month` is "YYYY-MM"."""

    TOPIC: ClassVar[str] = "rep.quota_set"
    TYPE: ClassVar[str] = "rep.quota_set.v1"

    month: str
    currency: str
    target_amount: Decimal | None = None
    growth_percent: Decimal | None = None


@register_event
class RepPayPlanSet(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The pay plan from `month` ("YYYY-MM") on; amounts in `currency`."""

    TOPIC: ClassVar[str] = "rep.pay_plan_set"
    TYPE: ClassVar[str] = "rep.pay_plan_set.v1"

    month: str
    base: Decimal
    currency: str
    commission_percent: Decimal
    quota_bonus: Decimal | None = None
    new_account_bonus: Decimal | None = None


@register_event
class RepLeft(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The rep is no longer registered; the name stays known."""

    TOPIC: ClassVar[str] = "rep.left"
    TYPE: ClassVar[str] = "rep.left.v1"

    reason: str | None = None
