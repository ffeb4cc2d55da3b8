"""Strategies that tell of orders and of parcels whose numbers their shipments may have."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from consumers.reactors.parcels import PARCELS, parcel_messages
from consumers.reactors.reactor import references_among
from domain.derived import is_derived
from domain.fact import Fact
from domain.streams import split_stream_name
from tests.property.messages import Message, by_stream, message, voids_of
from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    delivered,
    parcel_attempted,
    parcel_delayed,
    parcel_delivered,
    parcel_dispatched,
    placed,
    rebooked,
    shipment_cancelled,
    voided,
)

ORDERS = ("SO-1", "SO-2")
NUMBERS = ("N-1", "N-2", "N-3")
HOURS = (8, 9, 10, 11, 11.5, 12, 13, 11 + 30 * 24, 12 + 30 * 24, 13 + 31 * 24)
"""Some are just 30 days after others."""

hours = st.sampled_from(HOURS)
delays = st.sampled_from((0, 0, 1, 30, 10 * 24))
shipments = st.sampled_from(("S-1", "S-2"))
numbers = st.none() | st.sampled_from(NUMBERS)
parcels = st.none() | st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=2, unique=True).map(tuple)
lines = st.sampled_from((None, {1: 10}, {1: 4}, {2: 5}))


@st.composite
def about_an_order(draw: st.DrawFn) -> Fact:
    at = draw(hours)
    match draw(
        st.sampled_from(
            [
                "placed",
                "booked",
                "booked",
                "booked",
                "rebooked",
                "rebooked",
                "cancelled",
                "ended",
                "delivered",
                "amended",
            ]
        )
    ):
        case "placed":
            return placed(8, {1: 10, 2: 5})
        case "booked":
            return booked(at, draw(shipments), draw(lines), tracking=draw(numbers), parcels=draw(parcels))
        case "rebooked":
            named: dict[str, Any] = draw(
                st.sampled_from(
                    ({"tracking": draw(numbers)}, {"parcels": draw(parcels)}, {"tracking": None, "parcels": None})
                )
            )
            return rebooked(at, draw(shipments), **named)
        case "cancelled":
            return cancelled(at)
        case "ended":
            return shipment_cancelled(at, draw(shipments))
        case "delivered":
            return delivered(at, draw(shipments))
        case _:
            return amended(at, {1: 10})


scans = st.builds(
    lambda say, at: say(at),
    st.sampled_from((parcel_dispatched, parcel_delayed, parcel_attempted, parcel_delivered, parcel_delivered)),
    hours,
)


@st.composite
def orders_and_parcels(draw: st.DrawFn) -> list[Message]:
    """Messages about two orders and three numbers, with voids, recorded at any time, in any order."""
    told: list[tuple[str, Fact]] = [(order, placed(8, {1: 10, 2: 5})) for order in ORDERS]
    told += [(draw(st.sampled_from(ORDERS)), fact) for fact in draw(st.lists(about_an_order(), min_size=2, max_size=9))]
    told += [(draw(st.sampled_from(NUMBERS)), fact) for fact in draw(st.lists(scans, min_size=1, max_size=6))]
    named = [
        (
            subject,
            msgspec.structs.replace(
                fact, message_id=f"m/{number}", recorded_at=fact.occurred_at + timedelta(hours=draw(delays))
            ),
        )
        for number, (subject, fact) in enumerate(told)
    ]
    named += draw(a_reason_that_comes_and_goes())
    named += draw(voids_of(named))
    named += draw(voids_of_derived([message(subject, fact) for subject, fact in named]))
    return draw(st.permutations([message(subject, fact) for subject, fact in named]))


@st.composite
def a_reason_that_comes_and_goes(draw: st.DrawFn) -> list[tuple[str, Fact]]:
    """A booking with a number, a scan of it, and a void of either, which at times is voided."""
    order, number, at = draw(st.sampled_from(ORDERS)), draw(st.sampled_from(NUMBERS)), draw(hours)
    booking = booked(9, "S-9", tracking=number, message_id="story/booking")
    say = draw(st.sampled_from((parcel_dispatched, parcel_delivered)))
    scan = say(at, message_id="story/scan", recorded=at + draw(delays))
    told: list[tuple[str, Fact]] = [(order, booking), (number, scan)]
    subject, wrong = draw(st.sampled_from(told))
    void = voided(wrong, 14, message_id="story/void")
    told.append((subject, void))
    if draw(st.booleans()):
        told.append((subject, voided(void, 15, message_id="story/void of the void")))
    return told


@st.composite
def voids_of_derived(draw: st.DrawFn, sent: Sequence[Message]) -> list[tuple[str, Fact]]:
    """At times a void of what an order is told, although nobody but Waybill said it."""
    derived = [
        (split_stream_name(stream)[1], fact)
        for stream, facts in with_derived(sent).items()
        for fact in facts
        if is_derived(fact)
    ]
    if not derived or not draw(st.sampled_from((False, False, True))):
        return []
    subject, wrong = draw(st.sampled_from(derived))
    return [(subject, voided(wrong, 14, message_id="void/derived"))]


def with_derived(sent: Sequence[Message]) -> dict[str, list[Fact]]:
    """The facts by stream once all have come and all that follows was said."""
    derived: list[Message] = []
    while True:
        # A void of a derived message goes where that is.
        streams = {stream: list(facts) for stream, facts in by_stream([*sent, *derived]).items()}
        told = [
            message(one.subject, one.fact)
            for stream, facts in streams.items()
            if stream.startswith("order-")
            for one in parcel_messages(split_stream_name(stream)[1], facts, _scans_of(facts, streams))
        ]
        if told == derived:
            return streams
        derived = told


def _scans_of(facts: Sequence[Fact], streams: Mapping[str, Sequence[Fact]]) -> dict[str, Sequence[Fact]]:
    return {number: streams.get(f"parcel-{number}", []) for number in references_among(PARCELS, facts)}
