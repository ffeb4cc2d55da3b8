"""What can happen to a customer's account."""

from typing import ClassVar, Literal

from domain.fact import Fact, register_event
from domain.order.events import Segment


@register_event
class AccountRegistered(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Registering again replaces all fields."""

    TOPIC: ClassVar[str] = "account.registered"
    TYPE: ClassVar[str] = "account.registered.v1"

    name: str
    segment: Segment
    rep_id: str | None = None
    tier: str | None = None
    time_zone: str | None = None


@register_event
class AccountAssigned(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The rep of the account from now on; it moves no orders."""

    TOPIC: ClassVar[str] = "account.assigned"
    TYPE: ClassVar[str] = "account.assigned.v1"

    rep_id: str


@register_event
class CustomerContacted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation between a rep and the customer, in either direction."""

    TOPIC: ClassVar[str] = "customer.contacted"
    TYPE: ClassVar[str] = "customer.contacted.v1"

    direction: Literal["inbound", "outbound"]
    about: Literal["order", "inquiry", "account_update", "promotion"]
    rep_id: str
    note: str | None = None
