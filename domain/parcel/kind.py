"""Parcels, known by their tracking numbers, as a kind of subject."""

from domain.aggregate import SubjectAggregate
from domain.kind import Kind
from domain.parcel.decider import PARCEL_FACTS, ParcelDecider, ParcelState


class Parcel(SubjectAggregate):
    """What carriers say about one tracking number."""


PARCEL = Kind(
    prefix="parcel",
    decider=ParcelDecider(),
    state=ParcelState,
    facts=PARCEL_FACTS,
    aggregate=Parcel.open,
)
