"""What holds of settling for any set of facts whatever."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from consumers.ingest.snapshots import restore_snapshot, take_snapshot
from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.order.decider import OrderDecider
from domain.order.events import (
    DeliveryReturned,
    ExpediteGranted,
    ExpediteRequested,
    OrderAmended,
    OrderReinstated,
    OrderRescheduled,
    ShipmentBooked,
)
from domain.order.state import ZERO, OrderState
from domain.order.summary import OrderLineSummary, OrderSummary, ShipmentSummary, summarize
from domain.settling import Decider, Settling, settle, up_to
from domain.stepping import can_be_stepped_on, step_on
from domain.streams import settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict, already_so
from domain.voids import weigh_voids
from tests.property.histories import HOURS, facts_of_many_subjects, order_facts, trouble_free_order_facts
from tests.unit.domain.facts import customer_informed, oclock
from tests.unit.domain.specification import what_changed_adds_up_to_what_is

ORDER = OrderDecider()
NOTHING_NEWS = customer_informed(0, "other")
instants = st.sampled_from([oclock(hour) for hour in (0, *HOURS, 9.5)])


def settled(facts: Iterable[Fact], *, watched: bool = True) -> Settling[OrderState]:
    return settle(ORDER, "SO-1", facts, watched=watched)


def in_place_order(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: fact.sort_key)


def without_amendments(facts: Iterable[Fact]) -> bool:
    return not any(fact.TYPE == "order.amended.v1" for fact in facts)


# -- any order of arrival ------------------------------------------------------------------------


@given(order_facts(), st.data())
def test_any_order_of_arrival_settles_the_same(facts: list[Fact], data: st.DataObject) -> None:
    one, other = settled(facts), settled(data.draw(st.permutations(facts)))
    assert other.outcomes == one.outcomes
    assert other.state == one.state
    assert other.moments == one.moments


@given(facts_of_many_subjects(), st.data())
def test_any_order_of_arrival_over_many_subjects_settles_each_the_same(
    told: list[tuple[str, Fact]], data: st.DataObject
) -> None:
    one, other = by_stream(told), by_stream(data.draw(st.permutations(told)))
    assert one.keys() == other.keys()
    for stream in one:
        first, second = settle_stream(stream, one[stream]), settle_stream(stream, other[stream])
        assert (second.outcomes, second.state, second.moments) == (first.outcomes, first.state, first.moments)


def by_stream(told: Iterable[tuple[str, Fact]]) -> dict[str, list[Fact]]:
    streams: dict[str, list[Fact]] = defaultdict(list)
    for stream, fact in told:
        streams[stream].append(fact)
    return streams


@given(trouble_free_order_facts())
def test_a_history_whose_every_message_applies_in_the_order_of_time_is_free_of_trouble_in_any_order(
    facts: list[Fact],
) -> None:
    outcomes = settled(facts).outcomes
    assert {outcome.verdict for outcome in outcomes.values()} <= {Verdict.APPLIED, Verdict.DUPLICATE}
    for fact in facts:
        assert outcomes[fact.key].took_effect_at in (None, fact.occurred_at)
    assert settled(facts).nothing_waits


@given(trouble_free_order_facts(), st.data())
def test_a_history_free_of_trouble_heard_in_order_never_changes_an_earlier_verdict(
    facts: list[Fact], data: st.DataObject
) -> None:
    arrived = in_place_order(facts)[: data.draw(st.integers(0, len(facts)))]
    in_the_end = settled(facts).outcomes
    for key, outcome in settled(arrived).outcomes.items():
        assert outcome == in_the_end[key]


# -- outcomes ------------------------------------------------------------------------------------


@given(order_facts())
def test_every_fact_has_exactly_one_outcome(facts: list[Fact]) -> None:
    outcomes = settled(facts).outcomes
    assert set(outcomes) == {fact.key for fact in facts}
    for outcome in outcomes.values():
        assert outcome.verdict is not Verdict.MALFORMED
        assert (outcome.verdict is Verdict.APPLIED) == (outcome.took_effect_at is not None)
        assert (outcome.verdict is Verdict.APPLIED) == (outcome.reason == "")
        assert outcome.verdict is Verdict.REFUSED or not outcome.voided


@given(order_facts())
def test_nothing_takes_effect_before_it_happened_nor_without_a_moment(facts: list[Fact]) -> None:
    whole = settled(facts)
    effects = [(moment.at, moment.fact.key) for moment in whole.moments]
    applied = {
        (whole.outcomes[fact.key].took_effect_at, fact.key)
        for fact in facts
        if whole.outcomes[fact.key].verdict is Verdict.APPLIED and not isinstance(fact, MessageVoided)
    }
    assert set(effects) == applied
    assert len(effects) == len(applied)
    assert [at for at, _ in effects] == sorted(at for at, _ in effects)
    assert all(moment.at >= moment.fact.occurred_at for moment in whole.moments)


@given(order_facts())
def test_without_watching_the_verdicts_are_the_same(facts: list[Fact]) -> None:
    watched, unwatched = settled(facts), settled(facts, watched=False)
    assert unwatched.outcomes == watched.outcomes
    assert unwatched.state == watched.state
    assert unwatched.moments == []
    assert watched.has_voids == unwatched.has_voids == any(isinstance(fact, MessageVoided) for fact in facts)


@given(order_facts())
def test_passing_over_what_was_voided_is_settling_as_though_it_had_never_been(facts: list[Fact]) -> None:
    whole = settled(facts)
    rest = settled(
        fact for fact in facts if not isinstance(fact, MessageVoided) and not whole.outcomes[fact.key].voided
    )
    assert rest.state == whole.state
    assert rest.moments == whole.moments
    assert all(whole.outcomes[key] == outcome for key, outcome in rest.outcomes.items())


# -- the past ------------------------------------------------------------------------------------


@given(order_facts(), instants)
def test_what_had_occurred_by_an_instant_settles_as_the_whole_stood_then(facts: list[Fact], instant: datetime) -> None:
    whole, by_then = settled(facts), settled(up_to(facts, occurred=instant))
    standings = [moment.summary for moment in whole.moments if moment.at <= instant]
    assert summarize(by_then.state) == (standings[-1] if standings else None)
    assert by_then.moments == [moment for moment in whole.moments if moment.at <= instant]


@given(order_facts(), instants)
def test_what_had_taken_effect_by_an_instant_has_the_same_outcome_then(facts: list[Fact], instant: datetime) -> None:
    whole, by_then = settled(facts), settled(up_to(facts, occurred=instant))
    for fact in up_to(facts, occurred=instant):
        outcome, now = by_then.outcomes[fact.key], whole.outcomes[fact.key]
        if isinstance(fact, MessageVoided):
            assert outcome == now or outcome.verdict is Verdict.HELD
        elif outcome.verdict is not Verdict.HELD:
            assert outcome == now


# -- stepping on ---------------------------------------------------------------------------------


@given(order_facts(voids=False), st.data())
def test_stepping_gives_the_result_of_settling_from_the_beginning(facts: list[Fact], data: st.DataObject) -> None:
    ordered = in_place_order(facts)
    cut = data.draw(st.integers(0, len(ordered)))
    kept, whole = settled(ordered[:cut]), settled(facts)
    for fact in ordered[cut:]:
        kept.take(fact)
    assert kept.outcomes == whole.outcomes
    assert kept.state == whole.state
    assert kept.moments == whole.moments
    assert kept.last_sort_key == whole.last_sort_key
    assert kept.nothing_waits == whole.nothing_waits


@given(order_facts() | trouble_free_order_facts(), st.data())
def test_allowed_stepping_gives_the_result_of_settling_from_the_beginning_and_changes_no_earlier_verdict(
    facts: list[Fact], data: st.DataObject
) -> None:
    """Voids, what waits and what is late are among these facts: whether they can go on top is for the rule to say."""
    arrived = data.draw(st.just(in_place_order(facts)) | st.permutations(facts), label="arrived")
    at_once = data.draw(st.integers(1, 3), label="at once")
    for cut in range(len(arrived)):
        before, coming = settled(arrived[:cut]), arrived[cut : cut + at_once]
        whole, kept = settled(arrived[: cut + at_once]), take_snapshot(before)
        restored = [] if kept is None else [restore_snapshot("order-SO-1", kept)]
        for settling in [*restored, before]:
            assert settling is not None
            if can_be_stepped_on(settling, coming):
                step_on(settling, coming)
                assert {**before.outcomes, **settling.outcomes} == whole.outcomes
                assert settling.state == whole.state


@given(order_facts(voids=False), st.data())
def test_stepping_from_a_snapshot_gives_the_result_of_settling_from_the_beginning(
    facts: list[Fact], data: st.DataObject
) -> None:
    """A state can be kept when nothing waits and no fact to come can allow what was forbidden at the last instant."""
    ordered = in_place_order(facts)
    cut = data.draw(st.sampled_from([n for n in range(len(ordered) + 1) if can_be_cut(ordered, n)]))
    before, whole = settled(ordered[:cut]), settled(facts)
    kept = msgspec.json.decode(msgspec.json.encode(before.state), type=OrderState)
    assert kept == before.state
    later = from_kept(ORDER, kept, before)
    for fact in ordered[cut:]:
        later.take(fact)
    assert {**before.outcomes, **later.outcomes} == whole.outcomes
    assert later.state == whole.state
    assert [*before.moments, *later.moments] == whole.moments


def from_kept(decider: Decider[Any], kept: Any, before: Settling[Any]) -> Settling[Any]:
    """A settling of which only the state was kept, and what was said at its last instant."""
    said = frozenset(before.fingerprints_of_instant())
    return Settling(decider, kept, instant=before.instant, fingerprints=said)


def can_be_cut(ordered: list[Fact], cut: int) -> bool:
    before = settled(ordered[:cut])
    next_instant = ordered[cut].occurred_at if cut < len(ordered) else None
    return not before.waiting and (not before.forbidden or next_instant != before.instant)


@given(facts_of_many_subjects(voids=False), st.data())
def test_stepping_on_works_for_subjects_of_every_kind(told: list[tuple[str, Fact]], data: st.DataObject) -> None:
    for stream, facts in by_stream(told).items():
        ordered = in_place_order(facts)
        cut = data.draw(st.integers(0, len(ordered)))
        before, whole = settle_stream(stream, ordered[:cut]), settle_stream(stream, facts)
        if not before.nothing_waits:
            continue
        kind, _ = split_stream_name(stream)
        assert kind is not None
        kept = msgspec.json.decode(msgspec.json.encode(before.state), type=type(before.state))
        later = from_kept(kind.decider, kept, before)
        for fact in ordered[cut:]:
            later.take(fact)
        assert later.state == whole.state
        assert {**before.outcomes, **later.outcomes} == whole.outcomes


# -- what an order never is ----------------------------------------------------------------------


class WatchedOrder(OrderDecider):
    """An order of which is checked, after each fact that takes effect, what must hold at every time.

    What running sums say is counted anew from the facts that took effect and from the shipments.
    """

    def __init__(self) -> None:
        self.applied: list[Fact] = []

    def evolve(self, state: OrderState, fact: Fact, at: datetime) -> None:
        was_closed, promise_before = state.closed, state.promised_by
        shipments_before = {shipment_id: one.left for shipment_id, one in state.shipments.items()}
        left_before = state.left_to_book()
        super().evolve(state, fact, at)
        self.applied.append(fact)
        if isinstance(fact, ShipmentBooked):
            assert not was_closed
            assert fact.shipment_id not in shipments_before
            for line, quantity in state.shipments[fact.shipment_id].left.items():
                assert 0 < quantity <= left_before[line]
        if isinstance(fact, ExpediteGranted):
            assert state.promised_by <= promise_before
        if was_closed and not state.closed:
            assert isinstance(fact, OrderReinstated | DeliveryReturned)
        if isinstance(fact, OrderAmended | OrderRescheduled | ExpediteRequested | ExpediteGranted):
            assert not was_closed
        self.check_lines(state)
        self.check_shipments(state)
        self.check_running_sums(state)
        self.check_follow_ups(state, at)
        self.check_standing(state)

    def check_lines(self, order: OrderState) -> None:
        """Of each line, what was delivered and what came back is what the shipments say."""
        replaced: dict[str, Decimal] = defaultdict(Decimal)
        for shipment in order.shipments.values():
            for line_id, quantity in shipment.returned.items():
                assert 0 < quantity <= shipment.delivered[line_id]
                replaced[line_id] += quantity
        for line_id, line in order.lines.items():
            confirmed = sum(
                (shipment.delivered.get(line_id, ZERO) for shipment in order.shipments.values()), Decimal(0)
            )
            assert line.returned == replaced[line_id]
            assert confirmed - line.returned <= line.delivered <= confirmed
            assert line.delivered >= 0
            assert line.booked == sum(
                (one.left.get(line_id, ZERO) for one in order.shipments.values() if one.live), Decimal(0)
            )
            assert line.left_to_book >= 0
            levels = [level.quantity for level in line.levels]
            assert levels == sorted(set(levels))
            assert (levels[-1] if levels else 0) == line.delivered

    def check_shipments(self, order: OrderState) -> None:
        assert order.live == sorted(one.place for one in order.shipments.values() if one.live)
        for shipment in order.shipments.values():
            assert all(quantity > 0 for quantity in shipment.left.values())
            for line_id, carried in shipment.carried.items():
                undelivered = carried - shipment.delivered.get(line_id, ZERO)
                assert shipment.left.get(line_id, ZERO) == max(undelivered, ZERO)
            assert shipment.cancelled or shipment.left or shipment.confirmed is not None
            assert shipment.parcels_delivered <= len(shipment.parcels)
        if order.cancellation is not None:
            assert not order.live
            assert not any(line.delivered for line in order.lines.values())

    def check_running_sums(self, order: OrderState) -> None:
        lines = order.lines.values()
        assert order.lines_delivered == sum(line.delivered > 0 for line in lines)
        assert order.lines_owed == sum(line.undelivered > 0 for line in lines)
        assert order.lines_left == sum(line.left_to_book > 0 for line in lines)
        assert order.open_amount == sum(
            (
                max(line.ordered.quantity - line.delivered, ZERO) * line.ordered.unit_price
                for line in lines
                if line.ordered.kind == "goods"
            ),
            Decimal(0),
        )
        assert order.live_dispatched == sum(one.dispatched_at is not None for one in order.live_shipments())
        assert order.undecided == sum(expedite.decision is None for expedite in order.expedites.values())
        with_estimate = [one.estimated_delivery for one in order.live_shipments() if one.estimated_delivery is not None]
        assert order.latest_estimate() == max(with_estimate, default=None)

    def check_follow_ups(self, order: OrderState, at: datetime) -> None:
        assert [owed.about for owed in order.follow_ups].count("delay") <= 1
        assert all(owed.owed_since <= at for owed in order.follow_ups if owed.about == "expedite")
        requests = [owed.request_id for owed in order.follow_ups if owed.about == "expedite"]
        assert len(requests) == len(set(requests))
        for request_id in requests:
            assert request_id is not None
            assert order.expedites[request_id].declined is not None
        if order.cancellation is not None:
            assert not any(owed.about == "delay" for owed in order.follow_ups)

    def check_standing(self, order: OrderState) -> None:
        seen = summarize(order)
        assert seen is not None
        assert (seen.stage is None) == (seen.status != "open") == order.closed
        assert (seen.status == "delivered") == (seen.delivered_at is not None)
        assert (seen.closed_at is not None) == order.closed
        assert (seen.carrier is None) == (seen.mode is None) == (not order.live)
        assert seen.no_estimate == (bool(order.live) and seen.estimated_delivery is None)
        if seen.status == "delivered":
            assert any(line.delivered for line in order.lines.values())
            assert not any(line.undelivered for line in order.lines.values())
            assert seen.short is not None
        if order.closed:
            assert seen.open_value == 0
            assert not seen.left_to_book
        else:
            assert any(line.undelivered for line in order.lines.values()) or not order.lines_delivered


@given(order_facts())
def test_what_never_happens_to_an_order_never_happens(facts: list[Fact]) -> None:
    settle(WatchedOrder(), "SO-1", facts)


@given(order_facts())
def test_what_changed_at_each_moment_adds_up_to_what_there_is(facts: list[Fact]) -> None:
    what_changed_adds_up_to_what_is(settled(facts))


@given(order_facts(), instants)
def test_what_is_owed_at_an_instant_is_what_settling_up_to_it_leaves_by_then(
    facts: list[Fact], instant: datetime
) -> None:
    """The clock's turn, read plainly: whatever takes effect next, what it left is owed until then and since then."""
    by_then = settled(up_to(facts, occurred=instant)).state
    seen = summarize(by_then)
    if seen is None:
        return
    later = msgspec.structs.replace(NOTHING_NEWS, occurred_at=instant + timedelta(microseconds=1), recorded_at=instant)
    ORDER.evolve(by_then, later, later.occurred_at)
    assert set(seen.follow_ups_at(later.occurred_at)) == set(by_then.follow_ups)


# -- the five rules, read plainly ----------------------------------------------------------------


@given(order_facts())
def test_settling_follows_the_five_rules_read_plainly(facts: list[Fact]) -> None:
    """The rules once more, with no thought of speed: all is tried again whenever anything applies."""
    whole = settled(facts)
    counting, voided, ringed = voids_read_plainly(facts)
    known = {fact.key for fact in facts}
    assert {key for key, outcome in whole.outcomes.items() if outcome.voided} == voided
    assert {v.key for v in weigh_voids(facts).standing} == {
        fact.key for fact in facts if not isinstance(fact, MessageVoided) and fact.key not in voided
    }
    # Of the voids of one message that count, the first in place applies.
    verdicts: dict[FactKey, Verdict] = {}
    seen: set[FactKey] = set()
    for fact in in_place_order(facts):
        if isinstance(fact, MessageVoided) and fact.key in counting:
            verdicts[fact.key] = Verdict.DUPLICATE if fact.names in seen else Verdict.APPLIED
            seen.add(fact.names)
    for void in facts:
        if isinstance(void, MessageVoided) and void.key in counting:
            assert whole.outcomes[void.key].verdict is (Verdict.HELD if void.names not in known else verdicts[void.key])
        elif isinstance(void, MessageVoided):
            assert whole.outcomes[void.key].verdict is Verdict.REFUSED
            assert (void.key in ringed) == ("in a ring" in whole.outcomes[void.key].reason)

    order, outcomes = ORDER.initial_state("SO-1"), dict[FactKey, Outcome]()
    applied: list[Fact] = []
    held: list[Fact] = []
    forbidden: list[Fact] = []
    instant: datetime | None = None
    for fact in in_place_order(fact for fact in facts if not isinstance(fact, MessageVoided)):
        if fact.key in voided:
            continue
        if fact.occurred_at != instant:
            instant, forbidden = fact.occurred_at, []
        untried = [fact]
        while untried:
            trying = untried.pop(0)
            objection = ORDER.decide(order, trying)
            if (objection is None or objection.verdict is Verdict.REFUSED) and any(
                said_alike(trying, one) for one in applied
            ):
                objection = already_so("another message of the same source, type and time said the same")
            if objection is None:
                ORDER.evolve(order, trying, instant)
                applied.append(trying)
                outcomes[trying.key] = Outcome(Verdict.APPLIED, took_effect_at=instant)
                untried = in_place_order([*untried, *held, *forbidden])
                held, forbidden = [], []
                continue
            outcomes[trying.key] = Outcome(objection.verdict, objection.reason)
            if objection.verdict is Verdict.HELD:
                held.append(trying)
            elif objection.verdict is Verdict.REFUSED:
                forbidden.append(trying)
    assert {key: outcome for key, outcome in whole.outcomes.items() if key in outcomes} == outcomes
    assert whole.state == order


def said_alike(one: Fact, other: Fact) -> bool:
    return (one.source, one.TYPE, one.occurred_at) == (
        other.source,
        other.TYPE,
        other.occurred_at,
    ) and one.says_the_same_as(other)


def voids_read_plainly(facts: list[Fact]) -> tuple[set[FactKey], set[FactKey], set[FactKey]]:
    """The keys of the voids that count, of what they void, and of the voids that name each other in a ring.

    A void is out when one that counts names it; it counts when every void that names it is out. What is left over
    at the end goes round in a ring.
    """
    voids = [fact for fact in facts if isinstance(fact, MessageVoided)]
    counting: set[FactKey] = set()
    out: set[FactKey] = set()
    for _ in voids:
        for void in voids:
            namers = [other for other in voids if other.names == void.key]
            if any(namer.key in counting for namer in namers):
                out.add(void.key)
            elif all(namer.key in out for namer in namers):
                counting.add(void.key)
    known = {fact.key for fact in facts}
    named = {void.names for void in voids if void.key in counting} & known
    return counting, named, {void.key for void in voids} - counting - out


# -- the strategies themselves -------------------------------------------------------------------

Sight = Callable[[list[Fact], Settling[OrderState]], bool]


def verdict_seen(verdict: Verdict) -> Sight:
    return lambda facts, whole: any(outcome.verdict is verdict for outcome in whole.outcomes.values())


def waited(facts: list[Fact], whole: Settling[OrderState]) -> bool:
    return any(moment.at > moment.fact.occurred_at for moment in whole.moments)


def tried_again(facts: list[Fact], whole: Settling[OrderState]) -> bool:
    """Two facts of one instant took effect the other way round than their places say."""
    return any(
        later.fact.occurred_at == later.at == earlier.fact.occurred_at and later.fact.sort_key < earlier.fact.sort_key
        for earlier, later in pairwise(whole.moments)
    )


def moment_seen(holds: Callable[[OrderSummary], bool]) -> Sight:
    return lambda facts, whole: any(holds(moment.summary) for moment in whole.moments)


def follow_up_seen(about: str) -> Sight:
    return moment_seen(lambda seen: any(owed.about == about for owed in seen.follow_ups))


def line_seen(holds: Callable[[OrderLineSummary], bool]) -> Sight:
    return moment_seen(lambda seen: any(line is not None and holds(line) for _, line in seen.changed_lines))


def shipment_seen(holds: Callable[[ShipmentSummary], bool]) -> Sight:
    return moment_seen(lambda seen: any(map(holds, seen.changed_shipments)))


def found(facts: list[Fact], whole: Settling[OrderState]) -> bool:
    """A shipment was cancelled at one moment and not at a later one."""
    cancelled: set[str] = set()
    for moment in whole.moments:
        for one in moment.summary.changed_shipments:
            if one.cancelled_at is not None:
                cancelled.add(one.shipment_id)
            elif one.shipment_id in cancelled:
                return True
    return False


def voided_seen(*, void: bool) -> Sight:
    return lambda facts, whole: any(
        isinstance(fact, MessageVoided) is void and whole.outcomes[fact.key].voided for fact in facts
    )


def reason_seen(words: str) -> Sight:
    return lambda facts, whole: any(words in outcome.reason for outcome in whole.outcomes.values())


SEEN_IN_HISTORIES: dict[str, Sight] = {
    "an applied message": verdict_seen(Verdict.APPLIED),
    "a duplicate": verdict_seen(Verdict.DUPLICATE),
    "a held message": verdict_seen(Verdict.HELD),
    "a refused message": verdict_seen(Verdict.REFUSED),
    "one that waited and took effect later": waited,
    "one that applied when it was tried again": tried_again,
    "a voided fact": voided_seen(void=False),
    "a voided void": voided_seen(void=True),
    "a ring of voids": reason_seen("in a ring"),
    "a void of a message that never came": reason_seen("message never came"),
    "two contradictory placings": reason_seen("placed before, with other content"),
    "a promise that a grant would make later": reason_seen("later than the promise it replaces"),
    "an amendment below what was delivered": reason_seen("were delivered"),
    "another sku on a line of which something was delivered": reason_seen("would name sku"),
    "another message that says the same": reason_seen("same source, type and time"),
    "a shipment confirmed at another time": reason_seen("with nothing left"),
    "a parcel that is not on the shipment": reason_seen("is not on shipment"),
    "a return of what is not there": reason_seen("left to be returned"),
    "a surplus": line_seen(lambda line: line.over_delivered > 0),
    "a return": line_seen(lambda line: line.returned > 0),
    "a charge": line_seen(lambda line: line.kind == "charge"),
    "a line that is gone and of which something was delivered": line_seen(lambda line: not line.quantity),
    "an order completed short": moment_seen(lambda seen: seen.short is True),
    "a cancellation that closed a rest": moment_seen(lambda seen: seen.short is True and bool(seen.cancel_reason)),
    "an order opened again": lambda facts, whole: whole.state.reopened_at is not None,
    "an order reinstated": lambda facts, whole: whole.state.reinstated_for is not None,
    "a cancelled shipment that was found": found,
    "a shipment of which one parcel arrived": shipment_seen(lambda one: 0 < one.parcels_delivered < len(one.parcels)),
    "a live shipment without an estimate": moment_seen(lambda seen: seen.no_estimate),
    "a promise that passed with nobody told": moment_seen(
        lambda seen: any(owed.owed_since == seen.promised_by for owed in seen.follow_ups)
    ),
    "a booking of more than is left": reason_seen("left to book"),
    "an order cancelled": moment_seen(lambda seen: seen.status == "cancelled"),
    "an order delivered": moment_seen(lambda seen: seen.status == "delivered"),
    "an order delivered in part": moment_seen(lambda seen: seen.stage == "partly_delivered"),
    "a declined expedite to tell of": follow_up_seen("expedite"),
    "a delay to tell of": follow_up_seen("delay"),
    "two shipments live at once": lambda facts, whole: len(whole.state.live) > 1,
}


def test_the_generated_histories_contain_all_these_cases() -> None:
    """A property says little of what its histories never contain."""
    unseen = dict(SEEN_IN_HISTORIES)

    @settings(max_examples=600, derandomize=True, database=None, phases=[Phase.generate])
    @given(order_facts())
    def look_for_them(facts: list[Fact]) -> None:
        whole = settled(facts)
        for sight in [sight for sight, is_seen in unseen.items() if is_seen(facts, whole)]:
            del unseen[sight]

    look_for_them()
    assert not unseen
