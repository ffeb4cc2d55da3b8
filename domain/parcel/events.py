"""What a carrier says about a parcel when it knows only its tracking number, which is the subject."""

from datetime import datetime
from typing import ClassVar

from domain.fact import Fact, register_event


@register_event
class ParcelDispatched(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The carrier has the parcel."""

    TOPIC: ClassVar[str] = "parcel.dispatched"
    TYPE: ClassVar[str] = "parcel.dispatched.v1"

    carrier: str | None = None


@register_event
class ParcelDelayed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel is expected at another time; without `estimated_delivery` nobody knows when."""

    TOPIC: ClassVar[str] = "parcel.delayed"
    TYPE: ClassVar[str] = "parcel.delayed.v1"

    carrier: str | None = None
    estimated_delivery: datetime | None = None
    reason: str | None = None


@register_event
class ParcelAttempted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt to deliver the parcel failed."""

    TOPIC: ClassVar[str] = "parcel.attempted"
    TYPE: ClassVar[str] = "parcel.attempted.v1"

    carrier: str | None = None
    reason: str | None = None


@register_event
class ParcelDelivered(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The customer has the parcel; the message's time is when it was delivered."""

    TOPIC: ClassVar[str] = "parcel.delivered"
    TYPE: ClassVar[str] = "parcel.delivered.v1"

    carrier: str | None = None
    signed_by: str | None = None
