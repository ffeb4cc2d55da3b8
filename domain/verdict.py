"""The five verdicts on a message."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, final

import msgspec


class Verdict(StrEnum):
    """Every received message has exactly one of these."""

    # A member equals its text, so it must hash like it. (Enum hashes the name in Python code, which is many times
    # slower.)
    __hash__ = str.__hash__

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    HELD = "held"
    REFUSED = "refused"
    MALFORMED = "malformed"


# A member looked up on its class takes many times as long as a module's name, so hot paths use these.
APPLIED = Verdict.APPLIED
DUPLICATE = Verdict.DUPLICATE
HELD = Verdict.HELD
REFUSED = Verdict.REFUSED
MALFORMED = Verdict.MALFORMED


@final
class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What settling found for one fact.

    `took_effect_at` is the instant (UTC) from which an applied fact counts; it is later than the fact's own time if the
    fact had to wait. `voided` distinguishes a refusal by a void from a refusal by a rule.
    """

    verdict: Verdict
    reason: str = ""
    took_effect_at: datetime | None = None
    voided: bool = False


class Objection(NamedTuple):
    """The reason why a fact does not take effect at its place.

    `awaits` names what must appear before the fact can be judged, such as "shipment S-1".
    """

    verdict: Verdict
    reason: str
    awaits: str = ""


def already_so(reason: str) -> Objection:
    """The fact repeats what is already so."""
    return Objection(DUPLICATE, reason)


def waits_for(name: str, of: str = "") -> Objection:
    """The fact names something unknown, such as "order" or "shipment S-1"."""
    return Objection(HELD, f"{name} {of} is not known yet" if of else f"{name} is not known yet", name)


def forbidden(reason: str) -> Objection:
    """A rule forbids the fact here; another fact of the same instant may still change that."""
    return Objection(REFUSED, reason)
