"""The parcels reactor: tells each order what its carrier said about a tracking number of one of its shipments.

A shipment *has or had* a number if a booking or rebooking names it, as tracking number or among the parcels. Which
bookings apply is decided by the order's messages without those of this reactor (a placing for a standing order counts).
Otherwise a number that is typed in late would be refused because of the very scan that it explains (see
docs/decisions/019-derived-messages.md).

Numbers are used again after a while. So a scan is not about a shipment that was wholly delivered or cancelled 30 days
or more before it, nor about one that got the number 30 days or more after it. Of several shipments of one order, those
that were delivered or cancelled before the scan are not told if another one was not: it was booked in their place.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from consumers.reactors.reactor import DerivedMessage, Reaction
from domain.derived import PARCELS as SOURCE
from domain.fact import Fact
from domain.ids import MAX_ID_LENGTH
from domain.order.events import (
    DeliveryAttempted,
    DeliveryConfirmed,
    ShipmentBooked,
    ShipmentDelayed,
    ShipmentDispatched,
    ShipmentRebooked,
)
from domain.order.kind import ORDER
from domain.order.summary import ShipmentSummary
from domain.parcel.events import ParcelAttempted, ParcelDelayed, ParcelDelivered, ParcelDispatched
from domain.parcel.kind import PARCEL
from domain.parcel.scans import scan_digest
from domain.settling import Settling, settle
from domain.verdict import Verdict

USED_AGAIN_AFTER = timedelta(days=30)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


class ParcelReactor:
    """Implements consumers.reactors.reactor.Reactor: by order, from the order's messages and its parcels' scans."""

    name = "parcels"
    source = SOURCE
    kind = ORDER
    referred_kind = PARCEL
    naming: tuple[type[Fact], ...] = (ShipmentBooked, ShipmentRebooked)
    needs_referred = True
    heeds: Set[str] | None = None
    remembers = False

    def references(self, fact: Fact) -> Iterator[str]:
        return numbers_named(fact)

    def react(
        self,
        key: str,
        facts: Sequence[Fact],
        referred: Mapping[str, Sequence[Fact]],
        now: datetime,
        stated: Mapping[str, datetime | None],
    ) -> Reaction:
        return Reaction(parcel_messages(key, facts, referred))


PARCELS = ParcelReactor()


def numbers_named(fact: Fact) -> Iterator[str]:
    """The numbers that a booking or rebooking names.

    A number that is longer than a subject's id can be is left out: no carrier's message can be about it.
    """
    if isinstance(fact, (ShipmentBooked, ShipmentRebooked)):
        named = [fact.tracking_number] if isinstance(fact.tracking_number, str) else []
        named += fact.parcels if isinstance(fact.parcels, tuple) else ()
        yield from (number for number in named if 0 < len(number) <= MAX_ID_LENGTH)


def parcel_messages(
    order_id: str, facts: Iterable[Fact], scans: Mapping[str, Sequence[Fact]]
) -> tuple[DerivedMessage, ...]:
    """What the scans say to the order, in the order of their places: a pure function of the sets of facts.

    `facts` are the order's; earlier messages of this reactor among them are ignored. `scans` has all facts of the
    parcels by tracking number.
    """
    originals = [fact for fact in facts if fact.source != SOURCE]
    if not any(number in scans for fact in originals for number in numbers_named(fact)):
        return ()
    named = _named(order_id, originals)
    candidates = sorted(_candidates(order_id, named, scans))
    if not candidates:
        return ()
    return tuple(one.message for one in _standing(order_id, originals, candidates))


class _Naming(NamedTuple):
    """That a number is or was a shipment's: the first recording of it, and what the number was from when on.

    `roles` are in the order of time: whether it is one of the parcels (True), the tracking number (False), or neither
    any more (None). The first one is True or False.
    """

    recorded_at: datetime
    roles: Sequence[tuple[datetime, bool | None]]

    @property
    def since(self) -> datetime:
        return self.roles[0][0]

    def is_parcel_at(self, instant: datetime) -> bool:
        """Whether it is a parcel then; if it is neither then, what it was before, else what it was first."""
        found = self.roles[0][1]
        for at, role in self.roles:
            if at > instant:
                break
            found = found if role is None else role
        return bool(found)


class _Candidate(NamedTuple):
    """What a scan says to a shipment, if the number is still the shipment's then."""

    place: Any
    shipment_id: str
    time: datetime
    message: DerivedMessage


def _named(order_id: str, originals: Sequence[Fact]) -> Mapping[str, Mapping[str, _Naming]]:
    """The shipments that have or had each number."""
    settling = settle(ORDER.decider, order_id, originals)
    recorded: dict[tuple[str, str], datetime] = {}
    for fact in originals:
        if isinstance(fact, (ShipmentBooked, ShipmentRebooked)):
            if settling.outcomes[fact.key].verdict is not Verdict.APPLIED:
                continue
            for number in numbers_named(fact):
                known = recorded.get((fact.shipment_id, number), fact.recorded_at)
                recorded[fact.shipment_id, number] = min(known, fact.recorded_at)
    roles: dict[tuple[str, str], list[tuple[datetime, bool | None]]] = {named: [] for named in recorded}
    for at, _, summary in settling.moments:
        for shipment in summary.changed_shipments if summary is not None else ():
            for named, history in roles.items():
                if named[0] == shipment.shipment_id:
                    _add_role(history, at, _role(named[1], shipment))
    named_by: dict[str, dict[str, _Naming]] = {}
    for (shipment_id, number), history in roles.items():
        if history:
            named_by.setdefault(number, {})[shipment_id] = _Naming(recorded[shipment_id, number], history)
    return named_by


def _role(number: str, shipment: ShipmentSummary) -> bool | None:
    return True if number in shipment.parcels else False if number == shipment.tracking_number else None


def _add_role(history: list[tuple[datetime, bool | None]], at: datetime, role: bool | None) -> None:
    if history and history[-1][1] == role and role is not None:
        return
    if history or role is not None:
        history.append((at, role))


def _candidates(
    order_id: str, named: Mapping[str, Mapping[str, _Naming]], scans: Mapping[str, Sequence[Fact]]
) -> Iterator[_Candidate]:
    for number in named.keys() & scans.keys():
        outcomes = settle(PARCEL.decider, number, scans[number], watched=False).outcomes
        for scan in scans[number]:
            if outcomes[scan.key].verdict is not Verdict.APPLIED:
                continue
            for shipment_id, naming in named[number].items():
                if naming.since - scan.occurred_at >= USED_AGAIN_AFTER:
                    continue  # it was another shipment's then
                message = _message(order_id, shipment_id, number, naming, scan)
                if message is not None:
                    yield _Candidate((*scan.sort_key, number, shipment_id), shipment_id, scan.occurred_at, message)


def _message(order_id: str, shipment_id: str, number: str, naming: _Naming, scan: Fact) -> DerivedMessage | None:
    """The scan as a message about the shipment; None for a void."""
    digest = scan_digest(number, *scan.key)
    parcel = number if isinstance(scan, ParcelDelivered) and naming.is_parcel_at(scan.occurred_at) else None
    # A parcel that is added to its shipment later is confirmed when it is there.
    time = scan.occurred_at if parcel is None else max(scan.occurred_at, naming.since)
    about: dict[str, Any] = {
        "source": SOURCE,
        "message_id": _id(digest, order_id, shipment_id, parcel),
        "occurred_at": time,
        "recorded_at": max(scan.recorded_at, naming.recorded_at),
        "correlation_id": scan.correlation_id,
        "causation_id": scan.message_id,
        "shipment_id": shipment_id,
    }
    fact: Fact
    match scan:
        case ParcelDispatched():
            fact = ShipmentDispatched(**about)
        case ParcelDelayed():
            fact = ShipmentDelayed(**about, estimated_delivery=scan.estimated_delivery, reason=scan.reason)
        case ParcelAttempted():
            fact = DeliveryAttempted(**about, reason=scan.reason)
        case ParcelDelivered():
            fact = DeliveryConfirmed(**about, parcel=parcel, signed_by=scan.signed_by)
        case _:
            return None
    return DerivedMessage(order_id, fact, digest, max(scan.occurred_at, naming.since))


def _id(scan: str, order_id: str, shipment_id: str, parcel: str | None) -> str:
    """The id of what a scan says to a shipment, or to one of its parcels."""
    said_to = "\0".join((scan, order_id, shipment_id, *(() if parcel is None else (parcel,))))
    return f"parcel-{hashlib.sha256(said_to.encode()).hexdigest()[:40]}"


def _standing(order_id: str, originals: Sequence[Fact], candidates: list[_Candidate]) -> list[_Candidate]:
    """The candidates whose shipment exists, and had not ended too early: see this module's docstring.

    Both can depend on other derived messages, which took effect earlier. So each round decides at least one more of
    them for good, and the rounds end.
    """
    stands = candidates
    for _ in range(len(candidates) + 1):
        settling = settle(ORDER.decider, order_id, [*originals, *(one.message.fact for one in stands)])
        ends = _ends(settling)
        possible = [
            one
            for one in candidates
            if one.shipment_id in settling.state.shipments
            and not _has_ended(ends.get(one.shipment_id, ()), _long_before(one.time))
        ]
        ended = {one.place for one in possible if _has_ended(ends.get(one.shipment_id, ()), _just_before(one.time))}
        under_way = {one.place[:-1] for one in possible if one.place not in ended}
        after = [one for one in possible if one.place not in ended or one.place[:-1] not in under_way]
        if after == stands:
            break
        stands = after
    return stands


def _ends(settling: Settling[Any]) -> Mapping[str, Sequence[tuple[datetime, bool]]]:
    """For each shipment, when it changed, and whether it was wholly delivered or cancelled from then on."""
    ends: dict[str, list[tuple[datetime, bool]]] = {}
    for at, _, summary in settling.moments:
        for shipment in summary.changed_shipments if summary is not None else ():
            ended = shipment.delivered_at is not None or shipment.cancelled_at is not None
            ends.setdefault(shipment.shipment_id, []).append((at, ended))
    return ends


def _has_ended(changes: Sequence[tuple[datetime, bool]], at: datetime) -> bool:
    found = False
    for changed_at, ended in changes:
        if changed_at > at:
            break
        found = ended
    return found


def _long_before(instant: datetime) -> datetime:
    return instant - USED_AGAIN_AFTER if instant - LONG_AGO > USED_AGAIN_AFTER else LONG_AGO


def _just_before(instant: datetime) -> datetime:
    return instant - _MOMENT if instant > LONG_AGO else LONG_AGO
