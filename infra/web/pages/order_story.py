"""How an order stands, in sentences: what a person sees first who asks why it is late. Pure.

A sentence is a sequence of texts and instants; the page writes each instant in the viewer's zone.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal, NamedTuple

from domain.order.summary import OrderLineSummary, OrderSummary, ShipmentSummary
from domain.settling import Moment
from infra.web.deadlines import Deadline
from infra.web.pages.time_words import duration_in_words
from infra.web.pages.timeline_tracks import Period, late_known
from infra.web.pages.words import plain_amount
from projections.order_details import CustomerTold, OrderDetails
from projections.views.at_risk_deliveries import why_at_risk

Sentence = Sequence[str | datetime]
Tone = Literal["late", "risk", "good", "done", "ended"]
CAUSES = ("ShipmentDelayed", "DeliveryAttempted", "OrderRescheduled", "DeliveryReturned")
"""Events whose reasons say why an order is late."""
CAUSE_WORDS = {
    "ShipmentDelayed": "was delayed",
    "DeliveryAttempted": "was attempted in vain",
    "DeliveryReturned": "came back",
    "OrderRescheduled": "the order was rescheduled",
}
RENEWALS = {
    "OrderRescheduled": "it was rescheduled",
    "OrderReinstated": "it was reinstated",
}
"""Events that set a later promise."""
MOST_CAUSES = 3
MOST_SHIPMENTS = 3


class Story(NamedTuple):
    """`headline` says how the order stands, `why` what led to it, `customer` what the customer knows."""

    tone: Tone
    headline: str
    why: Sequence[Sentence]
    customer: Sequence[Sentence]
    customer_waits: bool


def story_of(
    summary: OrderSummary,
    details: OrderDetails,
    moments: Sequence[Moment],
    at: datetime,
    imported: Period | None = None,
) -> Story:
    """The story of a placed order at an instant (aware). `imported`: see `timeline_tracks.imported_during`."""
    tone, headline = _headline(summary, at)
    was_late, renewed = _was_late(moments)
    why = list(
        _open(summary, details, at) if summary.status == "open" else _closed(summary, details, moments, tone, imported)
    )
    owed = summary.follow_ups_at(at)
    return Story(tone, headline + was_late, [*why, *renewed], list(_customer(summary, details, at, tone)), bool(owed))


def _headline(summary: OrderSummary, at: datetime) -> tuple[Tone, str]:
    promise = summary.promised_by
    if summary.status == "cancelled":
        return "ended", "Cancelled"
    if summary.delivered_at is not None:
        ahead = promise - summary.delivered_at
        short = ", short" if summary.short else ""
        if ahead < timedelta(0):
            return "late", f"Delivered {duration_in_words(ahead)} late{short}"
        return "done", f"Delivered {duration_in_words(ahead)} before its promise{short}"
    if promise < at:
        return "late", f"Overdue by {duration_in_words(at - promise)}"
    left, why = f"Due in {duration_in_words(promise - at)}", why_at_risk(summary, at)
    if why == "estimate_late" and summary.latest_estimate is not None:
        left += f", expected {duration_in_words(summary.latest_estimate - promise)} late"
    elif why == "estimate_passed":
        left += "; its estimate has passed"
    elif why == "no_estimate":
        left += "; nobody knows when it arrives"
    elif why == "not_booked" or summary.stage == "to_book":
        left += ", not all of it booked yet" if summary.stage != "to_book" else ", not booked yet"
    return ("good" if why is None else "risk"), left


def _was_late(moments: Sequence[Moment]) -> tuple[str, Sequence[Sentence]]:
    """Of an order that was late when it was promised anew: what its headline adds, and a sentence for each time."""
    longest, said = timedelta(0), []
    for before, after in pairwise(moments):
        promise = before.summary.promised_by
        if before.summary.status != "open" or not promise < after.at or after.summary.promised_by <= promise:
            continue
        late = after.at - promise
        longest = max(longest, late)
        how = RENEWALS.get(type(after.fact).__name__, "it was promised anew")
        reason = getattr(after.fact, "reason", None)
        why = f": {reason}." if reason else "."
        words = f"Was {duration_in_words(late)} late to its promise of "
        said.append((words, Deadline.of(promise), f" when {how} ", after.at, why))
    if not said:
        return "", ()
    return f" (was {duration_in_words(longest)} late to its promise before)", said[-MOST_CAUSES:]


def _open(summary: OrderSummary, details: OrderDetails, at: datetime) -> Iterator[Sentence]:
    live = [one for one in details.shipments if one.delivered_at is None and one.cancelled_at is None]
    # The slowest first: those of which nobody knows when they arrive, then those with the latest estimates.
    live.sort(key=lambda one: one.estimated_delivery or at, reverse=True)
    live.sort(key=lambda one: one.estimated_delivery is not None)
    for shipment in live[:MOST_SHIPMENTS]:
        yield _live(shipment, summary, at)
        if shipment.attempts:
            yield _attempts(shipment, details)
    if len(live) > MOST_SHIPMENTS:
        yield (f"{len(live) - MOST_SHIPMENTS} more shipments are under way, expected no later.",)
    left = still_to_book(details)
    if not live:
        yield ("No shipment is under way: ", *([left, " left to book."] if left else ["nothing is booked."]))
    elif left:
        yield (f"Not booked yet: {left}.",)
    yield from _lost(details)
    if not live:
        yield from _causes(details, ("DeliveryReturned",), 1)
    if summary.stage == "partly_delivered":
        owed = [(line, line.undelivered) for line in details.lines if line.undelivered]
        yield (f"Delivered in part; still owed: {_lines(owed)}.",)
    if summary.expedite == "requested":
        undecided = [one for one in details.expedites if one.decision is None]
        needed_by = Deadline.of(undecided[0].needed_by)
        yield ("Expedite request undecided since ", undecided[0].requested_at, ", needed by ", needed_by)


def _lost(details: OrderDetails) -> Iterator[Sentence]:
    """The shipments that were cancelled or lost, the latest ones."""
    ended = sorted(
        ((one.cancelled_at, one) for one in details.shipments if one.cancelled_at is not None),
        key=lambda pair: (pair[0], pair[1].shipment_id),
    )
    for cancelled_at, one in ended[-MOST_CAUSES:]:
        why = f": {one.cancel_reason}." if one.cancel_reason else "."
        what = "was cancelled" if one.dispatched_at is None else "was cancelled on its way"
        yield (f"{one.shipment_id} {what} ", cancelled_at, why)


def _live(shipment: ShipmentSummary, summary: OrderSummary, at: datetime) -> Sentence:
    said: list[str | datetime] = [f"{shipment.shipment_id} ({shipment.carrier}) "]
    if shipment.dispatched_at is None:
        said += ["is booked and has not left"]
    else:
        said += ["left ", *_left_late(shipment, summary.promised_by)]
    estimate = shipment.estimated_delivery
    if estimate is None:
        said += ["; nobody knows when it arrives"]
    else:
        said += ["; expected ", Deadline.of(estimate)]
        if estimate > summary.promised_by:
            said += [f", {duration_in_words(estimate - summary.promised_by)} after the promise"]
        if estimate < at:
            said += [f", which passed {duration_in_words(at - estimate)} ago without a delivery"]
    first = shipment.original_estimate
    if first is not None and estimate is not None and first < estimate:
        said += [", first ", Deadline.of(first)]
    if shipment.delay_reason:
        said += [f"; delayed: {shipment.delay_reason}"]
    return (*said, ".")


def _left_late(shipment: ShipmentSummary, promise: datetime) -> Sentence:
    """When a shipment left, and whether that was after the promise or after its own first estimate."""
    left, first = shipment.dispatched_at, shipment.original_estimate
    if left is None:
        return ()
    if left > promise:
        return (left, f", {duration_in_words(left - promise)} after the promise")
    if first is not None and left > first:
        return (left, f", {duration_in_words(left - first)} after its own estimate of ", Deadline.of(first))
    return (left,)


def _attempts(shipment: ShipmentSummary, details: OrderDetails) -> Sentence:
    tried = [
        one.reason
        for one in details.reasons
        if one.event == "DeliveryAttempted" and one.shipment_id == shipment.shipment_id
    ]
    times = "once" if shipment.attempts == 1 else f"{shipment.attempts} times"
    return (f"Delivery was attempted {times}" + (f": {tried[-1]}." if tried else "."),)


def _closed(
    summary: OrderSummary, details: OrderDetails, moments: Sequence[Moment], tone: Tone, imported: Period | None
) -> Iterator[Sentence]:
    if summary.cancel_reason is not None:
        yield (f"Cancelled: {summary.cancel_reason}.",)
    if summary.delivered_at is None:
        return
    yield ("Complete since ", summary.delivered_at, f" by {summary.delivered_carrier or 'an amendment'}.")
    if tone == "late":
        yield from _causes(details, CAUSES, MOST_CAUSES)
        yield from _lost(details)
        late = [one for one in details.shipments if _came_late(one, summary)]
        yield from (sentence for one in late[:MOST_CAUSES] if len(sentence := _left_too_late(one, summary)))
        for shipment in late[:MOST_CAUSES]:
            assert shipment.delivered_at is not None
            if shipment.original_estimate is not None and shipment.original_estimate > summary.promised_by:
                estimate = Deadline.of(shipment.original_estimate)
                yield (f"{shipment.shipment_id} ({shipment.carrier}) was booked for ", estimate, ", after the promise.")
            elif shipment.booked_at > summary.promised_by:
                yield (f"{shipment.shipment_id} was booked only ", shipment.booked_at, ", after the promise.")
    for at, fact, after in reversed(moments):
        if after.delivered_at == at and late_known(fact, imported):
            later = duration_in_words(fact.recorded_at - fact.occurred_at)
            yield (f"The last delivery became known {later} later, ", fact.recorded_at, ".")
            return


def _left_too_late(shipment: ShipmentSummary, summary: OrderSummary) -> Sentence:
    said = _left_late(shipment, summary.promised_by)
    return (f"{shipment.shipment_id} ({shipment.carrier}) left ", *said, ".") if len(said) > 1 else ()


def _came_late(shipment: ShipmentSummary, summary: OrderSummary) -> bool:
    return shipment.delivered_at is not None and shipment.delivered_at > summary.promised_by


def _causes(details: OrderDetails, events: Sequence[str], most: int) -> Iterator[Sentence]:
    found = [reason for reason in details.reasons if reason.event in events]
    for one in found[-most:]:
        what = CAUSE_WORDS[one.event]
        yield (f"{one.shipment_id} {what} " if one.shipment_id else f"{what} ".capitalize(), one.at, f": {one.reason}.")


def _customer(summary: OrderSummary, details: OrderDetails, at: datetime, tone: Tone) -> Iterator[Sentence]:
    for owed in summary.follow_ups_at(at):
        about = f"expedite request {owed.request_id}" if owed.request_id else f"the {owed.about}"
        since = duration_in_words(at - owed.owed_since)
        yield (f"The customer has not been told about {about}: owed for {since}, since ", owed.owed_since, ".")
    told = {(one.about, one.request_id): one for one in details.customer_told if one.about != "other"}
    for last in sorted(told.values(), key=lambda one: one.at):
        by = f" by {last.channel}" if last.channel else ""
        note = f": “{last.note}”" if last.note else ""
        end = "" if last.note and last.note.rstrip().endswith((".", "!", "?")) else "."
        yield (f"The customer was told about {_told_about(last, details)} ", last.at, f"{by}{note}{end}")
    if not told and tone in ("late", "risk") and not summary.follow_ups_at(at):
        yield ("No message says that the customer was told.",)


def _told_about(told: CustomerTold, details: OrderDetails) -> str:
    if told.about != "expedite":
        return f"the {told.about}"
    asked = [one.request_id for one in details.expedites if one.requested_at <= told.at]
    if told.request_id is None and len(asked) > 1:
        return f"the expedite (of {len(asked)} requests, no one named)"
    request_id = told.request_id or next(iter(asked), None)
    return "the expedite" if request_id is None else f"expedite request {request_id}"


def still_to_book(details: OrderDetails) -> str:
    """What is left to book, such as "6 × LAMP-1"; empty: nothing."""
    return _lines([(line, line.left_to_book) for line in details.lines if line.left_to_book])


def _lines(left: Sequence[tuple[OrderLineSummary, Decimal]]) -> str:
    told = [f"{plain_amount(amount)} × {line.sku or f'line {line.line}'}" for line, amount in left[:3]]
    more = f" and {len(left) - 3} lines more" if len(left) > 3 else ""
    return ", ".join(told) + more
