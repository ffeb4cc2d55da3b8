"""What holds of derived messages, whatever is told in whatever order, whenever and wherever the reactors run."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from random import Random
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from consumers.ingest.register import MessageKey
from domain.derived import is_derived
from domain.fact import Fact
from domain.streams import settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.app.react_dry_run import dry_run
from infra.queries.books import kept, recounted
from infra.runtime import reactions
from infra.store.checkpoints import Checkpoints
from infra.store.reactions.tables import derived_messages
from projections.views.catalogue import view_named
from tests.follower import messages_in_effect
from tests.property.messages import Delivery, Message, as_it_happened, deliveries_of, repeated
from tests.property.parcels import orders_and_parcels, with_derived
from tests.property.stores import (
    Store,
    a_store,
    answers_of,
    deliver,
    findings_in,
    on_each_database,
    outcomes_in,
    project,
    rows_in,
    rows_of,
    small_and_quiet,
    tried,
)
from tests.property.test_relay import Listener
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import oclock

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")


SOME = [view_named(name) for name in ("orders", "shipments", "unmatched-parcels")]


def react(waybill: Waybill) -> None:
    """Until nothing is left to do."""
    waybill.react(Event(), once=True)


def outcomes_with_derived(sent: Sequence[Message]) -> dict[MessageKey, Outcome]:
    return {
        MessageKey(*key, split_stream_name(stream)[1]): outcome
        for stream, facts in with_derived(sent).items()
        for key, outcome in settle_stream(stream, facts, watched=False).outcomes.items()
    }


def derived_in(waybill: Waybill) -> list[Fact]:
    """What stands of derived messages, by the streams."""
    return sorted(
        (fact for _, facts in waybill.history.streams() for fact in facts if is_derived(fact)),
        key=lambda fact: fact.sort_key,
    )


def unplaced(facts: Sequence[Fact]) -> set[tuple[object, ...]]:
    """The facts without their places in the store."""
    return {
        (fact.key, fact.TYPE, fact.occurred_at, fact.recorded_at, fact.causation_id, fact.content) for fact in facts
    }


class Reacting:
    """Between batches, at random: nothing, one step of one process, or all there is to do."""

    def __init__(self, store: Store, chance: Random):
        self._store = store
        self._chance = chance

    def __call__(self, _waybill: Waybill) -> None:
        match self._chance.randrange(5):
            case 0:
                work = self._store.process(self._chance.randrange(2)).reactions(Event())
                work.begin()
                for _ in range(self._chance.randrange(1, 4)):
                    work.step()
            case 1 | 2 | 3:
                react(self._store.process(self._chance.randrange(2)))


@tried(0.2)
@given(orders_and_parcels(), st.data())
def test_any_interleaving_of_scans_bookings_and_reactions_ends_in_the_same_store(
    sent: list[Message], data: st.DataObject
) -> None:
    again = data.draw(repeated(sent), label="sent once more")
    deliveries = data.draw(deliveries_of([*sent, *again]), label="deliveries")
    keys_at_once = data.draw(st.sampled_from((1, 200)), label="keys at once")
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as one, a_store() as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reactions, "KEYS_AT_ONCE", keys_at_once)
        # given one store that hears all of it as it happened, and then reacts
        told_once = one.process()
        deliver(one, [Delivery(0, as_it_happened(sent), (), False)], history=True)
        react(told_once)
        project(told_once)
        # when another hears it anyhow, and reacts at any time
        deliver(other, deliveries, history=True, after_each=Reacting(other, chance))
        told_anyhow = other.process(1)
        react(told_anyhow)
        project(told_anyhow)
        # then
        expected = with_derived(sent)
        assert outcomes_in(told_once) == outcomes_in(told_anyhow) == outcomes_with_derived(sent)
        derived = [fact for facts in expected.values() for fact in facts if is_derived(fact)]
        assert unplaced(derived_in(told_once)) == unplaced(derived_in(told_anyhow)) == unplaced(derived)
        assert rows_in(told_once) == rows_in(told_anyhow) == rows_of(expected)
        check_books(told_anyhow, sent, len(again))
        # and views, which follow from these rows; those of parcels from what was derived too
        for as_of in (None, oclock(11), oclock(13), oclock(12 + 30 * 24)):
            assert answers_of(told_once, as_of, views=SOME) == answers_of(told_anyhow, as_of, views=SOME)
        for store in (told_once, told_anyhow):
            assert findings_in(store) == []
            assert dry_run(store) == []


def check_books(waybill: Waybill, sent: Sequence[Message], repeats: int) -> None:
    """Derived messages that stand are counted once; what was withdrawn is not."""
    counts = Counter(outcome.verdict.value for outcome in outcomes_with_derived(sent).values())
    counts["duplicate"] += repeats
    assert kept(waybill.engine) == recounted(waybill.engine) == {one.value: counts[one.value] for one in Verdict}
    with waybill.engine.connect() as connection:
        standing = {(row.source, row.message_id) for row in connection.execute(select(derived_messages))}
    assert standing == {fact.key for fact in derived_in(waybill)}


@tried(0.1)
@given(orders_and_parcels(), st.data())
def test_a_follower_knows_which_derived_messages_are_in_effect(sent: list[Message], data: st.DataObject) -> None:
    deliveries = data.draw(deliveries_of(sent, projecting=False), label="deliveries")
    chance = Random(data.draw(st.integers(0, 999), label="chance"))
    with a_store() as store:
        relaying = store.process()
        Checkpoints(relaying.backend).begin(relaying.outboxes(), relaying.clock(), at_the_newest=False)
        listener, reacting = Listener(), Reacting(store, chance)

        def listen(waybill: Waybill) -> None:
            reacting(waybill)
            if chance.random() < 0.5:
                listener.listen(waybill)

        deliver(store, deliveries, history=True, after_each=listen)
        waybill = store.process()
        react(waybill)
        listener.listen(waybill)
        # then
        in_effect = {key for key, found in outcomes_with_derived(sent).items() if found.verdict is Verdict.APPLIED}
        heard = listener.values("relay.events")
        assert messages_in_effect(heard) == in_effect
        # and whoever hears everything later, hears the same
        later = Listener()
        later.listen(waybill)
        assert later.values("relay.events") == heard


@tried(0.1)
@given(orders_and_parcels(), st.data())
def test_known_at_an_instant_is_what_a_store_says_that_had_heard_only_that(
    sent: list[Message], data: st.DataObject
) -> None:
    # Which derived message a void names that waits today is not looked up for an earlier instant.
    sent = [one for one in sent if one.key.message_id != "void/derived"]
    recorded = sorted({one.fact.recorded_at for one in sent if one.fact is not None})
    known_at: datetime = data.draw(st.sampled_from(recorded), label="known at")
    as_of: datetime = data.draw(st.sampled_from([oclock(11), oclock(13), known_at]), label="as of")
    known = [one for one in sent if one.fact is not None and one.fact.recorded_at <= known_at]
    with a_store() as whole_store, a_store() as known_store:
        # given
        deliver(whole_store, data.draw(deliveries_of(sent, projecting=False)), history=True)
        known_store.clock.now = known_at
        deliver(known_store, data.draw(deliveries_of(known, projecting=False)), history=True)
        for store in (whole_store, known_store):
            react(store.process())
            project(store.process())
        # then
        whole, heard = whole_store.process(), known_store.process()
        told_of = answers_of(whole, as_of, known_at, views=SOME)
        assert told_of == answers_of(heard, as_of, known_at, views=SOME) == answers_of(heard, as_of, views=SOME)
        for order in ("SO-1", "SO-2"):
            told, as_heard = (told.orders.order(order, told.clock(), as_of, known_at) for told in (whole, heard))
            assert (told and told.summary) == (as_heard and as_heard.summary)
            assert (told and told.details) == (as_heard and as_heard.details)
