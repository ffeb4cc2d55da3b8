"""Strategies that tell histories: believable, contradictory, repeated, skewed, voided.

Times come from few instants, so that many facts share one; numbers of orders, shipments, requests and lines are few,
so that facts meet. Each message is told once: within a subject no two facts share sender and id.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from domain.account.kind import ACCOUNT
from domain.fact import Fact
from domain.order.events import Mode
from domain.order.kind import ORDER
from domain.rep.kind import REP
from domain.streams import settle_stream, stream_name
from domain.verdict import Verdict
from tests.unit.domain.facts import (
    UNSET,
    Unset,
    account_assigned,
    account_registered,
    amended,
    attempted,
    booked,
    cancelled,
    contacted,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    oclock,
    pay_plan_set,
    placed,
    quota_set,
    reassigned,
    rebooked,
    reinstated,
    rep_changed,
    rep_left,
    rep_registered,
    rescheduled,
    returned,
    shipment_cancelled,
    voided_by_id,
)

HOURS = (7, 8, 9, 10, 11, 24, 25, 800)
"""When things happen; at 24 a date-only feed tells of a whole day, and at 800 what is owed of a closed order lapsed."""

SENDERS = ("carrier-feed", "order-entry")
NOT_SAID = "not said yet"
Telling = tuple[Fact, ...]
"""Facts that belong together, as one part of an order's life; sender and id are given later."""

hours = st.sampled_from(HOURS[1:-1] * 3 + HOURS)
promises = st.sampled_from((9.5, 12, 17, 17, 26))
reps = st.sampled_from(("ann", "bob", "cleo"))
lines = st.sampled_from((1, 1, 1, 2, 2, 3))
shipments = st.sampled_from(("S-1", "S-1", "S-2", "S-3"))
requests = st.sampled_from(("R-1", "R-1", "R-2"))
carriers: st.SearchStrategy[tuple[str, Mode]] = st.sampled_from(
    (("DHL", "courier"), ("our van", "in_house"), ("UPS", "courier"), ("the customer", "pickup"))
)
same_carrier: st.SearchStrategy[tuple[Unset, Unset]] = st.just((UNSET, UNSET))
quantities = st.sampled_from(("1", "2", "2.5", "5", "5", "10", "12"))
estimates = promises | st.none()
parcel_numbers = st.sampled_from(("P-1", "P-1", "P-2"))
some_parcels = st.sampled_from((None, None, ("P-1",), ("P-1", "P-2"), ("P-1", "P-2")))
charges = st.sampled_from((None, None, None, {9: "7"}, {9: "-1.5"}))
skus = st.sampled_from((None, None, None, {1: None}, {1: "OTHER"}, {2: None}))
some_lines = st.dictionaries(st.sampled_from((1, 1, 2, 2, 2, 3)), quantities, min_size=1, max_size=2)
lines_taken = st.none() | some_lines
ordered = st.dictionaries(st.sampled_from((1, 1, 2)), st.sampled_from(("5", "10")), min_size=1)


def told(builder: Callable[..., Fact], *said: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> Any:
    """One fact; all about it but its sender and its id."""
    return st.builds(builder, *said, message_id=st.just(NOT_SAID), **more).map(lambda fact: (fact,))


@st.composite
def some_hours(draw: st.DrawFn, count: int) -> list[int]:
    """Hours one after another, as long as nobody's clock is wrong."""
    drawn = draw(st.lists(hours, min_size=count, max_size=count))
    return drawn if draw(st.integers(0, 4)) == 0 else sorted(drawn)


# -- one fact ------------------------------------------------------------------------------------

usual_placing = st.just((placed(8, {1: 10, 2: 5}, promised_by=17, message_id=NOT_SAID),))
other_placings = told(
    placed,
    st.sampled_from((8, 8, 8, 9, 24)),
    ordered,
    promised_by=promises,
    rep=reps | st.none(),
    account=st.sampled_from(("ALFKI", "ALFKI", None)),
    charges=charges,
    skus=skus,
    promises=st.sampled_from((None, None, {1: 12})),
)
"""They easily differ from the usual one, so that an order is placed in contradictory ways."""

amendments = told(
    amended,
    hours,
    st.fixed_dictionaries({1: quantities}, optional={2: quantities, 3: quantities}),
    charges=charges,
    skus=skus,
)


@st.composite
def bookings(draw: st.DrawFn) -> Telling:
    (carrier, mode), estimate = draw(carriers), draw(estimates)
    return (
        booked(
            draw(hours),
            draw(shipments),
            draw(lines_taken),
            carrier=carrier,
            mode=mode,
            estimate=estimate,
            parcels=draw(some_parcels),
            message_id=NOT_SAID,
        ),
    )


@st.composite
def rebookings(draw: st.DrawFn) -> Telling:
    carrier, mode = draw(carriers | same_carrier)
    return (
        rebooked(
            draw(hours),
            draw(shipments),
            draw(lines_taken),
            carrier=carrier,
            mode=mode,
            estimate=draw(estimates | st.just(UNSET)),
            parcels=draw(some_parcels | st.just(UNSET)),
            message_id=NOT_SAID,
        ),
    )


single_facts = st.one_of(
    told(reassigned, hours, reps),
    told(rescheduled, hours, promises),
    told(cancelled, hours),
    told(expedite_requested, hours, requests, needed_by=st.sampled_from((9, 9, 12))),
    told(expedite_granted, hours, requests, promised_by=promises),
    told(expedite_declined, hours, requests),
    told(customer_informed, hours, st.sampled_from(("expedite", "delay", "other")), st.none() | requests),
    bookings(),
    bookings(),
    rebookings(),
    told(dispatched, hours, shipments),
    told(delayed, hours, shipments, estimate=estimates),
    told(shipment_cancelled, hours, shipments),
    told(attempted, hours, shipments),
    told(delivered, hours, shipments, lines_taken),
    told(delivered, hours, shipments, lines_taken, parcel=parcel_numbers),
    told(returned, hours, shipments, lines_taken, replace=st.booleans()),
    told(reinstated, hours, promised_by=st.none() | promises),
)

# -- parts of an order's life --------------------------------------------------------------------


@st.composite
def journeys(draw: st.DrawFn) -> Telling:
    """A booking, its dispatch, perhaps a delay, and its delivery in one or two parts."""
    times, shipment = draw(some_hours(5)), draw(shipments)
    whole = (
        booked(times[0], shipment, draw(lines_taken), estimate=draw(estimates), message_id=NOT_SAID),
        dispatched(times[1], shipment, message_id=NOT_SAID),
        delayed(times[2], shipment, estimate=draw(promises), message_id=NOT_SAID),
        delivered(times[3], shipment, draw(lines_taken), message_id=NOT_SAID),
        delivered(times[4], shipment, message_id=NOT_SAID),
    )
    return whole[: draw(st.integers(2, 5))]


@st.composite
def split_shipments(draw: st.DrawFn) -> Telling:
    """Part of the order goes with one carrier and the rest with another; one of them may arrive."""
    times = draw(some_hours(3))
    first, second = draw(st.permutations(("S-1", "S-2", "S-3")))[:2]
    return (
        booked(times[0], first, draw(some_lines), carrier="our van", mode="in_house", message_id=NOT_SAID),
        booked(times[1], second, draw(lines_taken), estimate=draw(promises), message_id=NOT_SAID),
        delivered(times[2], draw(st.sampled_from((first, second))), draw(lines_taken), message_id=NOT_SAID),
    )


@st.composite
def swaps_of_carriers(draw: st.DrawFn) -> Telling:
    """A shipment is booked, then cancelled and another booked in its stead, all at the same instant."""
    times = draw(some_hours(2))
    old, new = draw(st.permutations(("S-1", "S-2", "S-3")))[:2]
    return (
        booked(times[0], old, message_id=NOT_SAID),
        shipment_cancelled(times[1], old, message_id=NOT_SAID),
        booked(times[1], new, draw(lines_taken), carrier="UPS", message_id=NOT_SAID),
    )


@st.composite
def expedites(draw: st.DrawFn) -> Telling:
    """A request, its decision, and the customer being told."""
    times, request = draw(some_hours(3)), draw(requests)
    if draw(st.booleans()):
        decided: Fact = expedite_granted(
            times[1], request, promised_by=draw(st.sampled_from((12, 17, 26))), message_id=NOT_SAID
        )
    else:
        decided = expedite_declined(times[1], request, message_id=NOT_SAID)
    whole = (
        expedite_requested(times[0], request, message_id=NOT_SAID),
        decided,
        customer_informed(times[2], "expedite", draw(st.none() | st.just(request)), message_id=NOT_SAID),
    )
    return whole[: draw(st.integers(1, 3))]


@st.composite
def closed_rests(draw: st.DrawFn) -> Telling:
    """Part is delivered, and an amendment or a cancellation closes the rest, or tries to."""
    times, shipment, part = draw(some_hours(3)), draw(shipments), draw(quantities)
    amendment = amended(
        times[2],
        {1: draw(st.just(part) | quantities)},
        skus=draw(st.sampled_from((None, {1: "OTHER"}))),
        message_id=NOT_SAID,
    )
    return (
        booked(times[0], shipment, message_id=NOT_SAID),
        delivered(times[1], shipment, {1: part}, message_id=NOT_SAID),
        draw(st.sampled_from((amendment, amendment, cancelled(times[2], message_id=NOT_SAID)))),
    )


@st.composite
def parcel_by_parcel(draw: st.DrawFn) -> Telling:
    """A shipment of two parcels, which arrive one after the other."""
    times, shipment = draw(some_hours(3)), draw(shipments)
    first, last = draw(st.permutations(("P-1", "P-2")))
    return (
        booked(times[0], shipment, draw(lines_taken), parcels=("P-1", "P-2"), message_id=NOT_SAID),
        delivered(times[1], shipment, draw(lines_taken), parcel=first, message_id=NOT_SAID),
        delivered(times[2], shipment, draw(lines_taken), parcel=last, message_id=NOT_SAID),
    )


@st.composite
def replacements(draw: st.DrawFn) -> Telling:
    """Something is delivered, comes back, and is sent again."""
    times = draw(some_hours(4))
    old, new = draw(st.permutations(("S-1", "S-2", "S-3")))[:2]
    whole = (
        booked(times[0], old, estimate=draw(promises), message_id=NOT_SAID),
        delivered(times[1], old, draw(st.none() | lines_taken), message_id=NOT_SAID),
        returned(times[2], old, draw(st.none() | lines_taken), replace=draw(st.booleans()), message_id=NOT_SAID),
        booked(times[3], new, estimate=draw(estimates), message_id=NOT_SAID),
        delivered(times[3], new, message_id=NOT_SAID),
    )
    return whole[: draw(st.integers(3, 5))]


@st.composite
def changes_of_mind(draw: st.DrawFn) -> Telling:
    """The order is cancelled, perhaps after a part was delivered, and wanted after all."""
    times = draw(some_hours(2))
    return (
        cancelled(times[0], message_id=NOT_SAID),
        reinstated(times[1], promised_by=draw(st.none() | promises), message_id=NOT_SAID),
    )


@st.composite
def dropped_lines(draw: st.DrawFn) -> Telling:
    """A line is dropped while it is on its way, and arrives all the same."""
    times, shipment = draw(some_hours(3)), draw(shipments)
    return (
        booked(times[0], shipment, message_id=NOT_SAID),
        amended(times[1], {1: draw(quantities)}, message_id=NOT_SAID),
        delivered(times[2], shipment, draw(st.none() | some_lines), message_id=NOT_SAID),
    )


parts_of_a_life = st.one_of(
    journeys(),
    journeys(),
    split_shipments(),
    swaps_of_carriers(),
    expedites(),
    parcel_by_parcel(),
    replacements(),
    replacements(),
    changes_of_mind(),
)

# -- people --------------------------------------------------------------------------------------

about_reps = st.one_of(
    told(rep_registered, hours, st.sampled_from(("Ann", "Ann B.")), team=st.sampled_from((None, "east"))),
    told(
        rep_changed,
        hours,
        level=st.sampled_from((UNSET, "senior")),
        team=st.sampled_from((UNSET, None, "west")),
    ),
    told(rep_left, hours),
    told(quota_set, hours, target=st.sampled_from((1000, 2000))),
    told(pay_plan_set, hours),
)
about_accounts = st.one_of(
    told(account_registered, hours, rep=st.none() | reps),
    told(account_assigned, hours, reps),
    told(contacted, hours, reps),
)


# -- whole histories -----------------------------------------------------------------------------


@st.composite
def order_facts(draw: st.DrawFn, *, voids: bool = True, amending: bool = True, max_tellings: int = 4) -> list[Fact]:
    """The facts of one order: believable, contradictory, repeated, skewed and voided ones, in any order."""
    placings = draw(st.sampled_from(([usual_placing] * 9) + ([other_placings] * 6) + [st.just(())]))
    lives = (
        parts_of_a_life | amendments | closed_rests() | closed_rests() | dropped_lines()
        if amending
        else parts_of_a_life
    )
    tellings: list[Telling] = [
        draw(placings),
        *draw(st.lists(lives, min_size=1, max_size=max_tellings)),
        *draw(st.lists(single_facts, max_size=max_tellings)),
        *draw(st.lists(usual_placing | other_placings, max_size=1)),
    ]
    return draw(messages_that_say(tellings, voids=voids))


@st.composite
def trouble_free_order_facts(draw: st.DrawFn) -> list[Fact]:
    """The facts of one order of which each, taken in the order of their places, applies or says what is so."""
    return draw(st.permutations(free_of_trouble("order-SO-1", draw(order_facts(voids=False, max_tellings=8)))))


def free_of_trouble(stream: str, facts: Iterable[Fact]) -> list[Fact]:
    """Those of a subject's facts that, taken one by one in the order of their places, apply or say what is so."""
    kept: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact.sort_key):
        outcomes = settle_stream(stream, [*kept, fact], watched=False).outcomes
        if outcomes[fact.key].verdict in (Verdict.APPLIED, Verdict.DUPLICATE):
            kept.append(fact)
    return kept


@st.composite
def facts_of_many_subjects(draw: st.DrawFn, *, voids: bool = True) -> list[tuple[str, Fact]]:
    """(stream, fact) of a few orders, reps and accounts, all mixed."""
    histories: dict[str, list[Fact]] = {}
    for number in range(1, draw(st.integers(1, 3)) + 1):
        histories[stream_name(ORDER, f"SO-{number}")] = draw(order_facts(voids=voids, max_tellings=2))
    for rep in draw(st.lists(reps, unique=True, max_size=2)):
        sayings = draw(st.lists(about_reps, max_size=4))
        histories[stream_name(REP, rep)] = draw(messages_that_say(sayings, voids=voids))
    for account in draw(st.lists(st.sampled_from(("ALFKI", "BONAP")), unique=True, max_size=2)):
        sayings = draw(st.lists(about_accounts, max_size=4))
        histories[stream_name(ACCOUNT, account)] = draw(messages_that_say(sayings, voids=voids))
    return draw(st.permutations([(stream, fact) for stream, facts in histories.items() for fact in facts]))


@st.composite
def messages_that_say(draw: st.DrawFn, tellings: Sequence[Telling], *, voids: bool = True) -> list[Fact]:
    """Messages of one subject that say all this, some of it twice, and some voids, in any order."""
    facts = [fact for telling in tellings for fact in telling]
    if facts:
        repeats = st.tuples(st.sampled_from(facts), st.none() | hours)
        facts += [
            fact if hour is None else msgspec.structs.replace(fact, occurred_at=oclock(hour))
            for fact, hour in draw(st.lists(repeats, max_size=3))
        ]
    voids_at = draw(st.just([]) | st.lists(hours, max_size=4)) if voids else []

    # Ids of all messages come first, so that a void can name any of them: a fact, another void, itself, or none.
    count = len(facts) + len(voids_at)
    numbers = draw(st.permutations(range(count)))
    names = [(draw(st.sampled_from(SENDERS)), f"m-{number:02}") for number in numbers]
    nameable = st.sampled_from([*names, ("order-entry", "never came")])
    facts += [voided_by_id(*draw(nameable), hour, message_id=NOT_SAID) for hour in voids_at]
    messages = [
        msgspec.structs.replace(
            fact,
            source=source,
            message_id=message_id,
            recorded_at=fact.occurred_at + timedelta(hours=draw(st.sampled_from((0, 0, 1, 30)))),
        )
        for fact, (source, message_id) in zip(facts, names, strict=True)
    ]
    return draw(st.permutations(messages))
