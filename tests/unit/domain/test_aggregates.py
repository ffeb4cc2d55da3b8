"""Orders, reps and accounts as the library's aggregates: streams with readable names in which facts are filed."""

from typing import Any

import msgspec
import pytest
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError

from domain.account.events import AccountRegistered
from domain.account.kind import ACCOUNT, Account
from domain.aggregate import SubjectAggregate
from domain.events import VerdictChanged
from domain.fact import Fact
from domain.kind import Kind
from domain.kinds import KINDS
from domain.order.events import OrderCancelled, OrderPlaced
from domain.order.kind import ORDER, Order
from domain.parcel.kind import PARCEL
from domain.rep.events import RepRegistered
from domain.rep.kind import REP, Rep
from domain.settling import settle
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import (
    open_subject,
    project_subject,
    settle_stream,
    split_by_longest_prefix,
    split_stream_name,
    stream_name,
    stream_prefixes,
    waiting_room,
)
from domain.verdict import Verdict
from tests.unit.domain.facts import (
    account_registered,
    booked,
    cancelled,
    oclock,
    placed,
    rep_registered,
    voided,
    voided_by_id,
)


def what_it_says(fact: Fact) -> dict[str, Any]:
    """The fields of a fact but for its place in a stream."""
    said = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return {name: value for name, value in said.items() if not name.startswith("originator_")}


def file(subject: SubjectAggregate, *facts: Fact) -> None:
    for fact in facts:
        subject.file(type(fact), **what_it_says(fact))


def test_streams_have_readable_names() -> None:
    assert stream_name(ORDER, "SO-10248") == "order-SO-10248"
    assert stream_name(REP, "7") == "rep-7"
    assert stream_name(ACCOUNT, "ALFKI") == "account-ALFKI"
    assert stream_name(STANDING_ORDER, "12") == "standing-order-12"
    assert stream_name(PARCEL, "1Z999AA1") == "parcel-1Z999AA1"
    assert split_stream_name("order-SO-10248") == (ORDER, "SO-10248")
    assert split_stream_name(waiting_room("SO-1")) == (None, "SO-1")


def test_a_subjects_id_may_hold_hyphens_and_what_begins_other_streams() -> None:
    assert split_stream_name("order-rep-7") == (ORDER, "rep-7")
    assert split_stream_name("order-") == (ORDER, "")


@pytest.mark.parametrize("subject", ["7", "", "order-7", "-", "standing-order-7", "void-"])
def test_a_prefix_of_one_word_is_found_at_once_and_says_the_same(subject: str) -> None:
    prefixes = stream_prefixes(KINDS)
    for prefix, kind in prefixes:
        name = prefix + subject
        assert split_stream_name(name) == split_by_longest_prefix(name, prefixes) == (kind, subject)


def test_of_the_known_prefixes_the_longest_that_fits_decides() -> None:
    standing_order = Kind("standing-order", ACCOUNT.decider, ACCOUNT.state, (), ACCOUNT.aggregate)
    standing = Kind("standing", ACCOUNT.decider, ACCOUNT.state, (), ACCOUNT.aggregate)
    prefixes = stream_prefixes([standing, standing_order])
    assert split_by_longest_prefix("standing-order-12", prefixes) == (standing_order, "12")


def test_a_name_that_no_kind_begins_is_an_error_that_lists_the_kinds() -> None:
    with pytest.raises(
        ValueError, match="begins with one of account-…, operator-…, order-…, parcel-…, rep-…, standing-order-…, void-…"
    ):
        split_stream_name("standing-12")


@pytest.mark.parametrize(
    ("stream", "aggregate_class"), [("order-SO-1", Order), ("rep-7", Rep), ("account-ALFKI", Account)]
)
def test_a_subject_is_opened_before_its_first_event(stream: str, aggregate_class: type[SubjectAggregate]) -> None:
    subject = open_subject(stream, oclock(8))
    assert type(subject) is aggregate_class
    assert (subject.id, subject.version, subject.created_on) == (stream, 0, oclock(8))
    assert (subject.facts, subject.verdict_changes, subject.pending_events) == ([], [], [])
    assert subject.subject_id == stream.partition("-")[2]


def test_two_subjects_share_no_facts() -> None:
    one, other = open_subject("order-SO-1", oclock(8)), open_subject("order-SO-2", oclock(8))
    file(one, placed(8))
    assert (len(one.facts), len(other.facts)) == (1, 0)


@pytest.mark.parametrize(
    ("stream", "fact"),
    [("order-SO-1", placed(8)), ("rep-ann", rep_registered(8)), ("account-ALFKI", account_registered(8))],
)
def test_a_fact_is_filed_as_the_streams_next_event(stream: str, fact: Fact) -> None:
    subject = open_subject(stream, oclock(8))
    file(subject, fact)
    filed = subject.facts[0]
    assert type(filed) is type(fact)
    assert what_it_says(filed) == what_it_says(fact)
    assert (filed.originator_id, filed.originator_version) == (stream, 1)
    assert (subject.version, subject.modified_on) == (1, fact.recorded_at)


def test_filed_facts_are_pending_until_they_are_collected() -> None:
    order = open_subject("order-SO-1", oclock(8))
    file(order, booked(9), placed(8))
    assert order.pending_events == order.facts
    collected = order.collect_events()
    assert [(type(event).__name__, event.originator_version) for event in collected] == [
        ("ShipmentBooked", 1),
        ("OrderPlaced", 2),
    ]
    assert order.pending_events == []
    assert [fact.TYPE for fact in order.facts] == ["shipment.booked.v1", "order.placed.v1"]


def test_events_bring_a_subject_back_as_it_was() -> None:
    order = open_subject("order-SO-1", oclock(8))
    file(order, booked(9), placed(8))
    brought_back = project_subject(None, [event for event in order.collect_events() if isinstance(event, Fact)])
    assert brought_back is not None
    assert type(brought_back) is Order
    assert brought_back.facts == order.facts
    assert brought_back.version == 2
    assert brought_back.settle().outcomes == order.settle().outcomes


def test_an_event_of_another_stream_or_out_of_turn_is_not_filed() -> None:
    order = open_subject("order-SO-1", oclock(8))
    elsewhere = msgspec.structs.replace(placed(8), originator_id="order-SO-2", originator_version=1)
    out_of_turn = msgspec.structs.replace(placed(8), originator_id="order-SO-1", originator_version=2)
    with pytest.raises(OriginatorIDError):
        elsewhere.mutate(order)
    with pytest.raises(OriginatorVersionError):
        out_of_turn.mutate(order)


def test_an_order_says_how_it_stands() -> None:
    order = open_subject("order-SO-1", oclock(8))
    facts = [placed(8), booked(9), cancelled(10)]
    file(order, *facts)
    settled = order.settle()
    assert settled.decider is ORDER.decider
    assert settled.outcomes == settle(ORDER.decider, "SO-1", facts).outcomes
    assert settled.decider.summarize(settled.state).status == "cancelled"


def test_an_order_says_how_it_stood_and_what_was_known_then() -> None:
    order = open_subject("order-SO-1", oclock(8))
    file(order, placed(8, recorded=8), booked(9, recorded=12), cancelled(10, recorded=11))
    as_of_nine = order.settle(occurred=oclock(9))
    assert as_of_nine.decider.summarize(as_of_nine.state).stage == "booked"
    known_at_eleven = order.settle(recorded=oclock(11))
    assert known_at_eleven.decider.summarize(known_at_eleven.state).status == "cancelled"
    both = order.settle(occurred=oclock(9), recorded=oclock(11))
    assert both.decider.summarize(both.state).stage == "to_book"


def test_a_rep_and_an_account_say_how_they_stand() -> None:
    rep, account = open_subject("rep-ann", oclock(8)), open_subject("account-ALFKI", oclock(8))
    file(rep, rep_registered(8, "Ann"))
    file(account, account_registered(8, "Alfreds"))
    assert rep.settle().state.known.name == "Ann"
    assert account.settle().state.summary.name == "Alfreds"
    assert (type(rep.facts[0]), type(account.facts[0])) == (RepRegistered, AccountRegistered)


def test_a_stream_settles_by_the_rules_of_its_kind() -> None:
    facts: list[Fact] = [placed(8)]
    assert settle_stream("order-SO-1", facts).state.order_id == "SO-1"
    assert settle_stream("rep-ann", [rep_registered(8)]).state.rep_id == "ann"
    assert settle_stream("order-SO-1", facts, watched=False).moments == []


def test_a_waiting_room_of_voids_is_no_aggregate() -> None:
    with pytest.raises(ValueError, match="waiting room"):
        open_subject(waiting_room("SO-1"), oclock(8))


def test_a_waiting_room_holds_the_voids_that_name_what_nobody_has_heard_of() -> None:
    void = voided_by_id("order-entry", "1", message_id="V-1")
    overruled = voided_by_id("order-entry", "2", message_id="V-2")
    overruling = voided(overruled)
    outcomes = settle_stream(waiting_room("SO-1"), [void, overruled, overruling]).outcomes
    assert outcomes[void.key].verdict is Verdict.HELD
    assert outcomes[overruled.key].voided
    assert outcomes[overruling.key].verdict is Verdict.APPLIED


def verdict_changed(stream: str, version: int) -> VerdictChanged:
    return VerdictChanged(
        originator_id=stream,
        originator_version=version,
        recorded_at=oclock(9),
        source="order-entry",
        message_id="1",
        verdict_before=Verdict.HELD,
        verdict=Verdict.APPLIED,
    )


def test_settling_never_reads_a_change_of_verdict() -> None:
    order = open_subject("order-SO-1", oclock(8))
    file(order, placed(8))
    before = order.settle()
    verdict_changed("order-SO-1", 2).mutate(order)
    after = order.settle()
    assert order.version == 2
    assert [fact.TYPE for fact in order.facts] == ["order.placed.v1"]
    assert (after.outcomes, after.state) == (before.outcomes, before.state)


def test_a_change_of_verdict_is_filed_beside_the_facts() -> None:
    order = open_subject("order-SO-1", oclock(8))
    changed = verdict_changed("order-SO-1", 1)
    changed.mutate(order)
    assert order.verdict_changes == [changed]


def test_equal_data_is_what_counts_when_something_is_said_again() -> None:
    first, later = cancelled(8), cancelled(9)
    assert first.says_the_same_as(later)
    assert not placed(8).says_the_same_as(placed(8, rep="bob"))
    assert not first.says_the_same_as(placed(8))
    assert (type(first), type(placed(8))) == (OrderCancelled, OrderPlaced)
