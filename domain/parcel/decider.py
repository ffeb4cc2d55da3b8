"""The parcel decider: a carrier's word about its own parcel is always taken."""

from datetime import datetime

import msgspec

from domain.fact import Fact
from domain.parcel.events import ParcelAttempted, ParcelDelayed, ParcelDelivered, ParcelDispatched
from domain.verdict import Objection

PARCEL_FACTS = (ParcelDispatched, ParcelDelayed, ParcelAttempted, ParcelDelivered)


class ParcelSummary(msgspec.Struct, frozen=True):
    """A parcel as its carrier described it so far.

    `carrier` is from the latest message that names one. `latest` is the latest message's: dispatched, delayed,
    attempted or delivered. `messages` is how many there are.
    """

    tracking_number: str
    carrier: str | None = None
    latest: str | None = None
    messages: int = 0


class ParcelState(msgspec.Struct):
    summary: ParcelSummary


class ParcelDecider:
    """The decider for parcels: no fact waits and no fact is forbidden."""

    def initial_state(self, subject_id: str) -> ParcelState:
        return ParcelState(ParcelSummary(subject_id))

    def decide(self, state: ParcelState, fact: Fact) -> Objection | None:
        return None

    def evolve(self, state: ParcelState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, PARCEL_FACTS):
            known = state.summary
            state.summary = ParcelSummary(
                known.tracking_number,
                known.carrier if fact.carrier is None else fact.carrier,
                fact.TOPIC.removeprefix("parcel."),
                known.messages + 1,
            )

    def introduces(self, fact: Fact) -> str | None:
        return None

    def summarize(self, state: ParcelState) -> ParcelSummary:
        return state.summary
