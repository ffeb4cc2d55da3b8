"""A derived message that was withdrawn counts for nothing until it is stored again."""

import msgspec

from domain.derived import PARCELS, MessageWithdrawn, facts_among, is_derived
from domain.fact import Fact, StreamEvent
from domain.streams import project_subject
from tests.unit.domain.facts import booked, dispatched, oclock, placed


def derived(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, source=PARCELS, message_id="parcel-1")


def withdrawn() -> MessageWithdrawn:
    return MessageWithdrawn(recorded_at=oclock(12), source=PARCELS, message_id="parcel-1")


SCAN = derived(dispatched(10))
STORY: list[StreamEvent] = [placed(), booked(9), SCAN]


def keys(facts: list[Fact]) -> list[str]:
    return [fact.message_id for fact in facts]


def test_a_message_stands_until_it_is_withdrawn() -> None:
    assert keys(facts_among(STORY))[2:] == ["parcel-1"]
    assert keys(facts_among([*STORY, withdrawn()]))[2:] == []


def test_a_message_that_is_stored_again_after_its_withdrawal_stands_once() -> None:
    again = msgspec.structs.replace(SCAN, recorded_at=oclock(13))
    assert facts_among([*STORY, withdrawn(), again])[2:] == [again]
    assert facts_among([*STORY, withdrawn(), again, withdrawn()])[2:] == []


def test_a_withdrawal_is_about_one_message_alone() -> None:
    other = derived(dispatched(11))
    other = msgspec.structs.replace(other, message_id="parcel-2")
    assert keys(facts_among([*STORY, other, withdrawn()]))[2:] == ["parcel-2"]


def test_the_library_reads_the_same_facts() -> None:
    events: list[StreamEvent] = [*STORY, withdrawn(), SCAN, withdrawn()]
    stored = [
        msgspec.structs.replace(event, originator_id="order-SO-1", originator_version=version)
        for version, event in enumerate(events, 1)
    ]
    subject = project_subject(None, stored)
    assert subject is not None
    assert keys(subject.facts) == keys(facts_among(stored))


def test_derived_messages_are_known_by_their_source() -> None:
    assert is_derived(SCAN)
    assert not is_derived(placed())
