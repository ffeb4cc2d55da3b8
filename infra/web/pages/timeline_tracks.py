"""What an order's settling tells over time: promises, requests, shipments and what the customer was told, as tracks.

A track is one row of the picture: spans (something lasted) and points (something happened). All instants are UTC.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.fact import Fact
from domain.order.summary import ExpediteSummary, OrderSummary, ShipmentSummary
from domain.settling import Moment, Settling
from domain.verdict import Verdict
from infra.web.pages.time_words import deadline_in_words, duration_in_words, instant_in_words

LATE_AFTER = timedelta(minutes=15)
"""What is recorded within this time of its happening is not late."""
IMPORT_LASTS = timedelta(minutes=1)
IMPORT_FROM = 3
"""So many facts recorded within IMPORT_LASTS, and more than half of those recorded late, came by an import."""
Period = tuple[datetime, datetime]

WORDS = {
    "OrderPlaced": ("placed", "placed"),
    "OrderAmended": ("amended", "amended"),
    "OrderReassigned": ("reassigned", "reassigned"),
    "OrderRescheduled": ("rescheduled", "rescheduled"),
    "OrderCancelled": ("cancelled", "order cancelled"),
    "OrderReinstated": ("reinstated", "order reinstated"),
    "ExpediteRequested": ("requested", "expedite requested"),
    "ExpediteGranted": ("granted", "expedite granted"),
    "ExpediteDeclined": ("declined", "expedite declined"),
    "CustomerInformed": ("told", "customer told"),
    "ShipmentBooked": ("booked", "booked"),
    "ShipmentRebooked": ("rebooked", "rebooked"),
    "ShipmentDispatched": ("dispatched", "dispatched"),
    "ShipmentDelayed": ("delayed", "delayed"),
    "ShipmentCancelled": ("cancelled", "shipment cancelled"),
    "DeliveryAttempted": ("attempted", "delivery attempted"),
    "DeliveryConfirmed": ("delivered", "delivery confirmed"),
    "DeliveryReturned": ("returned", "returned"),
}
"""Event to the kind of its mark and to words for its title."""


class Point(NamedTuple):
    at: datetime
    kind: str
    title: str
    fact: Fact | None = None


class Span(NamedTuple):
    begin: datetime
    end: datetime
    kind: str
    title: str


class Track(NamedTuple):
    """One row; `name` stands beside it. A `further` one tells more of the row above."""

    name: str
    spans: Sequence[Span]
    points: Sequence[Point]
    further: bool = False


class Tracks(NamedTuple):
    """All rows of the picture. `overdue` are the spans during which the order was overdue.

    `imported` is when most facts were recorded together; None when they came one by one.
    """

    order: Track
    promises: Sequence[Track]
    expedites: Sequence[Track]
    shipments: Sequence[Track]
    customer: Track
    not_taken: Track
    not_known: Track
    overdue: Sequence[tuple[datetime, datetime]]
    promised_by: datetime | None
    imported: Period | None
    at: datetime
    is_open: bool
    status: str

    def lanes(self) -> Iterator[tuple[str, Sequence[Track], int]]:
        """The lanes in their order, without empty ones: name, rows, and how many rows belong together."""
        lanes: Sequence[tuple[str, Sequence[Track], int]] = (
            ("Order", [self.order], 1),
            ("Promise", self.promises, 1),
            ("Expedite", self.expedites, 1),
            ("Shipment", self.shipments, 2),
            ("Customer", [self.customer], 1),
            ("Not taken", [self.not_taken], 1),
            ("Not yet known", [self.not_known], 1),
        )
        for lane in lanes:
            if any(row.spans or row.points for row in lane[1]):
                yield lane

    def instants(self) -> list[datetime]:
        """All instants that are drawn; an open order is drawn up to the instant asked for. Empty: nothing to draw."""
        instants: list[datetime] = []
        for _, rows, _ in self.lanes():
            for row in rows:
                instants += (instant for span in row.spans for instant in (span.begin, span.end))
                for point in row.points:
                    instants.append(point.at)
                    if point.fact is not None:
                        instants.append(point.fact.occurred_at)
                        if late_known(point.fact, self.imported):
                            instants.append(min(point.fact.recorded_at, self.at))
        return [*instants, self.at] if instants and self.is_open else instants

    def summary(self) -> str:
        """The picture in a sentence, for those who do not see it."""
        parts = [self.status]
        if self.promised_by is not None:
            parts.append(f"promised by {deadline_in_words(self.promised_by)}")
        parts += (f"overdue for {duration_in_words(end - begin)}" for begin, end in self.overdue[-1:])
        parts.append(f"{len(self.shipments) // 2} shipments, {len(self.expedites)} expedite requests")
        return "Timeline of the order: " + ", ".join(parts) + ". The list below says the same in words."


def tracks_of(settling: Settling[Any], facts: Iterable[Fact], at: datetime, not_known: Sequence[Fact] = ()) -> Tracks:
    """What the settling of these facts says at an instant."""
    moments = [moment for moment in settling.moments if isinstance(moment.summary, OrderSummary)]
    all_facts = list(facts)
    last: OrderSummary | None = moments[-1].summary if moments else None
    is_open = last is None or last.status == "open"
    ends = at if last is None or last.closed_at is None else last.closed_at
    return Tracks(
        order=Track("", (), list(_of_order(moments))),
        promises=list(_promises(moments, ends)),
        expedites=list(_expedites(moments, ends)),
        shipments=list(_shipments(moments, ends)),
        customer=Track("", list(_owed(moments, at)), list(_points(moments, "CustomerInformed"))),
        not_taken=Track("", (), list(_not_taken(settling, all_facts))),
        not_known=Track("", (), [_point(fact.occurred_at, fact, "unknown") for fact in not_known]),
        overdue=list(_overdue(moments, at)),
        promised_by=last.promised_by if last else None,
        imported=imported_during([*all_facts, *not_known]),
        at=at,
        is_open=is_open,
        status="not placed yet" if last is None else last.status,
    )


def late_known(fact: Fact, imported: Period | None) -> bool:
    """Whether a fact was recorded clearly after it happened, and not by an import of most of them."""
    return is_late(fact.occurred_at, fact.recorded_at, imported)


def is_late(occurred_at: datetime, recorded_at: datetime, imported: Period | None) -> bool:
    """The same of a fact's two instants."""
    return not is_imported(recorded_at, imported) and recorded_at - occurred_at > LATE_AFTER


def is_imported(recorded_at: datetime, imported: Period | None) -> bool:
    """Whether a fact was recorded when most were."""
    return imported is not None and imported[0] <= recorded_at <= imported[1]


def imported_during(facts: Iterable[Fact]) -> Period | None:
    """The time within which more than half of the facts were recorded, long after they happened: an import."""
    recorded = sorted(fact.recorded_at for fact in facts if fact.recorded_at - fact.occurred_at > LATE_AFTER)
    counts = ((bisect_right(recorded, since + IMPORT_LASTS) - number, since) for number, since in enumerate(recorded))
    count, since = max(counts, default=(0, None))
    if since is None or count < IMPORT_FROM or count * 2 <= len(recorded):
        return None
    return since, recorded[bisect_right(recorded, since + IMPORT_LASTS) - 1]


def _point(at: datetime, fact: Fact, kind: str | None = None) -> Point:
    own, words = WORDS.get(type(fact).__name__, ("other", type(fact).__name__))
    parts = [words, instant_in_words(at)]
    for name in ("shipment_id", "request_id", "about", "reason", "note"):
        value = getattr(fact, name, None)
        if value:
            parts.append(str(value))
    return Point(at, kind or own, " · ".join(parts), fact)


def _points(moments: Iterable[Moment], *names: str) -> Iterator[Point]:
    for at, fact, _ in moments:
        if type(fact).__name__ in names:
            yield _point(at, fact)


def _of_order(moments: Sequence[Moment]) -> Iterator[Point]:
    yield from _points(
        moments, "OrderPlaced", "OrderAmended", "OrderReassigned", "OrderRescheduled", "OrderCancelled",
        "OrderReinstated",
    )  # fmt: skip
    before: datetime | None = None
    for at, _, summary in moments:
        if summary.delivered_at is not None and summary.delivered_at != before:
            yield Point(at, "complete", f"order complete · {instant_in_words(at)}")
        before = summary.delivered_at


def _promises(moments: Sequence[Moment], ends: datetime) -> Iterator[Track]:
    """One row a promise: a bar while it was in force, a dashed one on to its instant, and a flag there."""
    set_at: list[tuple[datetime, Fact, datetime]] = []
    for at, fact, summary in moments:
        if not set_at or summary.promised_by != set_at[-1][2]:
            set_at.append((at, fact, summary.promised_by))
    for number, (since, fact, promised_by) in enumerate(set_at):
        in_force = number == len(set_at) - 1
        until = ends if in_force else set_at[number + 1][0]
        by = f"promised by {deadline_in_words(promised_by)}"
        kind, word = WORDS.get(type(fact).__name__, ("other", ""))
        spans = [Span(since, max(since, until), "promise" if in_force else "promise-replaced", f"{word}: {by}")]
        if promised_by > until:
            spans.append(Span(until, promised_by, "ahead", by))
        flag = Point(promised_by, "due" if in_force else "due-replaced", by)
        yield Track("" if not number else kind, spans, [_point(since, fact, kind), flag], further=bool(number))


def _expedites(moments: Sequence[Moment], ends: datetime) -> Iterator[Track]:
    one_order = moments[-1].summary.order_id if moments else ""
    requests: dict[str, ExpediteSummary] = {}
    points: dict[str, list[Point]] = {}
    for at, fact, summary in moments:
        for one in summary.changed_expedites:
            requests[one.request_id] = one
        request_id = getattr(fact, "request_id", None)
        if request_id is not None and type(fact).__name__.startswith("Expedite"):
            points.setdefault(request_id, []).append(_point(at, fact))
    for request_id, one in requests.items():
        decision = one.decision or "undecided"
        until = one.decided_at or max(ends, one.requested_at)
        span = Span(one.requested_at, until, f"expedite-{decision}", f"{request_id}: {decision}")
        needed = Point(one.needed_by, "needed", f"needed by {deadline_in_words(one.needed_by)}")
        yield Track(f"Expedite {_short(request_id, one_order)}", [span], [*points.get(request_id, ()), needed])


def _shipments(moments: Sequence[Moment], ends: datetime) -> Iterator[Track]:
    """Two rows a shipment: what happened to it, and when it was expected."""
    one_order = moments[-1].summary.order_id if moments else ""
    shipments: dict[str, ShipmentSummary] = {}
    points: dict[str, list[Point]] = {}
    estimates: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for at, fact, summary in moments:
        shipment_id = getattr(fact, "shipment_id", None)
        if shipment_id is not None:
            points.setdefault(shipment_id, []).append(_point(at, fact))
        for one in summary.changed_shipments:
            shipments[one.shipment_id] = one
            told = estimates.setdefault(one.shipment_id, [])
            if not told or told[-1][1] != one.estimated_delivery:
                told.append((at, one.estimated_delivery))
    for shipment_id, one in shipments.items():
        ended = one.delivered_at or one.cancelled_at or max(ends, one.booked_at)
        spans = [Span(one.booked_at, max(one.booked_at, one.dispatched_at or ended), "waiting", "booked")]
        if one.dispatched_at is not None:
            spans.append(Span(one.dispatched_at, max(one.dispatched_at, ended), "moving", "on its way"))
        name = f"{_short(shipment_id, one_order)} · {one.carrier}"
        yield Track(name, spans, points.get(shipment_id, []))
        yield Track("expected", *_estimates(estimates[shipment_id], ended), further=True)


def _short(part_id: str, order_id: str) -> str:
    """The id of a shipment or request without the order's id in front of it."""
    return part_id.removeprefix(f"{order_id}-") or part_id


def _estimates(told: Sequence[tuple[datetime, datetime | None]], ended: datetime) -> tuple[list[Span], list[Point]]:
    """A thin bar while an estimate was the latest, and a mark at the estimate itself."""
    spans, points = [], []
    for number, (since, estimate) in enumerate(told):
        latest = number == len(told) - 1
        until = max(since, ended if latest else told[number + 1][0])
        words = "no estimate" if estimate is None else f"expected {deadline_in_words(estimate)}"
        spans.append(Span(since, until, "no-estimate" if estimate is None else "estimate", f"{words}, said then"))
        if estimate is not None:
            points.append(Point(estimate, "expected" if latest else "expected-before", words))
    return spans, points


def _owed(moments: Sequence[Moment], at: datetime) -> Iterator[Span]:
    """The spans during which the customer was owed a word."""
    owed: dict[Any, datetime] = {}
    for moment, _, summary in moments:
        now = {(each.about, each.request_id): each.owed_since for each in summary.follow_ups}
        for key in owed.keys() - now.keys():
            yield _owed_span(owed[key], moment, key)
        owed = now
    if moments:
        for each in moments[-1].summary.follow_ups_at(at):
            yield _owed_span(each.owed_since, at, (each.about, each.request_id))


def _owed_span(since: datetime, until: datetime, key: tuple[str, str | None]) -> Span:
    about = f"{key[0]} {key[1]}" if key[1] else key[0]
    long = duration_in_words(until - since)
    return Span(since, max(since, until), "owed", f"a word about the {about} was owed for {long}")


def _overdue(moments: Sequence[Moment], at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans during which the order was open and its promise passed, merged where one follows another."""
    since: datetime | None = None
    until: datetime | None = None
    for number, (begin, _, summary) in enumerate(moments):
        end = moments[number + 1].at if number + 1 < len(moments) else max(at, begin)
        late_from = max(begin, summary.promised_by)
        if summary.status != "open" or late_from >= end:
            continue
        if since is not None and until == late_from:
            until = end
            continue
        if since is not None and until is not None:
            yield since, until
        since, until = late_from, end
    if since is not None and until is not None:
        yield since, until


def _not_taken(settling: Settling[Any], facts: Iterable[Fact]) -> Iterator[Point]:
    """What did not take effect, with its reason; messages that repeat what is so are left out."""
    for fact in facts:
        outcome = settling.outcomes.get(fact.key)
        if outcome is None or outcome.verdict in (Verdict.APPLIED, Verdict.DUPLICATE):
            continue
        kind = "voided" if outcome.voided else outcome.verdict.value
        point = _point(fact.occurred_at, fact, kind)
        yield point._replace(title=f"{kind}: {outcome.reason} · {point.title}")
