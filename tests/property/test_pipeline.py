"""What holds of ingesting any messages whatever, in any order, into a real store."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text

from consumers.ingest import batch_processing
from consumers.ingest.register import MessageKey
from consumers.ingest.snapshots import Snapshot
from consumers.sources.source import Batch
from domain.account.decider import AccountState
from domain.account.kind import ACCOUNT
from domain.checkpoint import CheckpointMovedError
from domain.events import MessageVoided, VerdictChanged
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.order.state import OrderState
from domain.rep.decider import RepState
from domain.rep.kind import REP
from domain.rules_version import RULES_VERSION
from domain.streams import settle_stream, split_stream_name
from domain.verdict import Verdict
from infra.app import settled_anew
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.queries.books import kept as books_kept
from infra.queries.dead_letters import UntakenMessage
from infra.store.register import transaction as register_transaction
from infra.store.register.tables import messages, snapshots
from tests.property.histories import HOURS, order_facts
from tests.property.messages import (
    Delivery,
    Message,
    as_it_happened,
    by_stream,
    counts_of,
    deliveries_of,
    message,
    messages_of_every_sort,
    one_by_one,
    outcomes_of,
    repeated,
    trouble_free_messages,
    well_formed_messages,
)
from tests.property.stores import (
    Delivered,
    DiskFull,
    Pipeline,
    a_store,
    answers_of,
    deliver,
    failing_to_store,
    findings_in,
    malformed_in,
    on_each_database,
    outcomes_in,
    project,
    read_file,
    repeats_in,
    rows_in,
    rows_of,
    small_and_quiet,
    tried,
)
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import oclock

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")

instants = st.sampled_from([oclock(hour) + shift for hour in HOURS for shift in (timedelta(0), timedelta(minutes=-1))])
KEPT = {ORDER: Snapshot[OrderState], REP: Snapshot[RepState], ACCOUNT: Snapshot[AccountState]}


def letters_in(waybill: Waybill) -> list[UntakenMessage]:
    """All dead letters and held messages; what tells the way on which they came is left out."""
    now = waybill.clock()
    found = [*waybill.dead_letters.dead(now, discarded=True), *waybill.dead_letters.held(now)]
    return [letter._replace(topic="", partition=0, offset=0) for letter in found]


# -- any order of arrival ------------------------------------------------------------------------


@tried(0.3)
@given(messages_of_every_sort(), st.data())
def test_any_order_repetition_and_split_ends_in_the_same_verdicts_books_and_views(
    sent: list[Message], data: st.DataObject
) -> None:
    again = data.draw(repeated(sent), label="sent once more")
    deliveries = data.draw(deliveries_of([*sent, *again]), label="deliveries")
    batch_lines, batch_events = (
        data.draw(st.sampled_from((1, 5, 10, 1_000))),
        data.draw(st.sampled_from((2, 10, 1_000))),
    )
    with a_store() as one, a_store() as other:
        # given
        told_once = one.process()
        read_file(told_once, "all.jsonl", as_it_happened(sent), batch_lines=batch_lines)
        project(told_once)
        # when
        delivered = deliver(other, deliveries)
        told_anyhow = other.process()
        project(told_anyhow, batch_events)
        # then
        assert outcomes_in(told_once) == outcomes_in(told_anyhow) == outcomes_of(sent)
        assert malformed_in(told_once) == malformed_in(told_anyhow)
        assert letters_in(told_once) == letters_in(told_anyhow)
        assert repeats_in(told_once) == {}
        assert repeats_in(told_anyhow) == Counter(sent.known_by for sent in again)
        check_books(told_once, sent)
        check_books(told_anyhow, [*sent, *again])
        check_tallies(told_anyhow, delivered, deliveries)
        check_changes_told(told_anyhow, delivered)
        assert rows_in(told_once) == rows_in(told_anyhow) == rows_of(by_stream(sent))
        one.clock.now = other.clock.now = data.draw(instants, label="clock")
        for as_of in (None, data.draw(instants, label="as of")):
            assert answers_of(told_once, as_of) == answers_of(told_anyhow, as_of)
        for order in {subject for subject, *_ in outcomes_of(sent)}:
            one_told, other_told = (told.orders.order(order, told.clock()) for told in (told_once, told_anyhow))
            assert (one_told and one_told.summary) == (other_told and other_told.summary)
            assert (one_told and one_told.details) == (other_told and other_told.details)


def check_books(waybill: Waybill, received: Sequence[Message]) -> None:
    """The books balance, and count each message once by the verdict that it has."""
    counts, books = counts_of(received), read_status(waybill).books._asdict()
    assert books_kept(waybill.engine) == {verdict.value: count for verdict, count in counts.items()}
    assert books == {
        "received": len(received),
        "applied": counts[Verdict.APPLIED],
        "duplicate": counts[Verdict.DUPLICATE],
        "held": counts[Verdict.HELD],
        "dead": counts[Verdict.REFUSED] + counts[Verdict.MALFORMED],
    }


def check_tallies(waybill: Waybill, delivered: Delivered, deliveries: Sequence[Delivery]) -> None:
    """Each feed's books count what it brought: first, with the verdict of now, or again, as a duplicate."""
    outcomes = outcomes_of(sent for _, brought, *_ in deliveries for sent in brought)
    feed_ids = dict(zip(dict.fromkeys(feed for feed, *_ in deliveries), delivered.by_feed, strict=True))
    tallies: dict[int, Counter[Verdict]] = defaultdict(Counter)
    seen: set[MessageKey | bytes] = set()
    for feed, brought, *_ in deliveries:
        for sent in brought:
            verdict = outcomes[sent.key].verdict if sent.fact else Verdict.MALFORMED
            tallies[feed_ids[feed]][Verdict.DUPLICATE if sent.known_by in seen else verdict] += 1
            seen.add(sent.known_by)
    for feed_id, tally in tallies.items():
        assert waybill.register.tally(feed_id) == {verdict: tally[verdict] for verdict in Verdict}


def check_changes_told(waybill: Waybill, delivered: Delivered) -> None:
    """Whoever heard a message's first verdict, and then each change of it, knows the verdict of now."""
    told = dict(delivered.first_verdicts)
    for _, event in waybill.history.after(0, 10_000):
        if isinstance(event, VerdictChanged):
            key = MessageKey(*event.key, split_stream_name(event.originator_id)[1])
            assert told[key] is event.verdict_before
            assert event.verdict is not event.verdict_before
            told[key] = event.verdict
    assert told == {key: outcome.verdict for key, outcome in outcomes_in(waybill).items()}


@tried(0.3)
@given(trouble_free_messages(), st.data())
def test_a_history_free_of_trouble_leaves_nothing_held_refused_or_dead_in_any_order_of_arrival(
    sent: list[Message], data: st.DataObject
) -> None:
    deliveries = data.draw(deliveries_of([*sent, *data.draw(repeated(sent))]))
    with a_store() as store:
        # when
        deliver(store, deliveries)
        # then
        waybill = store.process()
        outcomes = outcomes_in(waybill)
        for one in sent:
            assert one.fact is not None
            outcome = outcomes[one.key]
            assert outcome.verdict is Verdict.DUPLICATE or outcome.took_effect_at == one.fact.occurred_at
        assert {outcome.verdict for outcome in outcomes.values()} <= {Verdict.APPLIED, Verdict.DUPLICATE}
        assert letters_in(waybill) == []
        books = read_status(waybill).books._asdict()
        assert (books["held"], books["dead"]) == (0, 0)
        assert books["received"] == books["applied"] + books["duplicate"]


@tried(0.3)
@given(well_formed_messages(), st.data())
def test_of_two_contents_under_one_id_the_first_to_come_decides(sent: list[Message], data: st.DataObject) -> None:
    # given
    twins = data.draw(twins_of(sent), label="other contents under the same ids")
    deliveries = data.draw(deliveries_of([*sent, *twins]), label="deliveries")
    arrived = [one for _, brought, *_ in deliveries for one in brought]
    first = list({one.key: one for one in reversed(arrived)}.values())
    with a_store() as store:
        # when
        deliver(store, deliveries)
        waybill = store.process()
        project(waybill)
        # then
        assert outcomes_in(waybill) == outcomes_of(first)
        assert rows_in(waybill) == rows_of(by_stream(first))
        check_books(waybill, arrived)
        assert findings_in(waybill) == []
        with waybill.engine.connect() as connection:
            differing = {
                MessageKey(*row[:3]): row.differing
                for row in connection.execute(
                    select(messages.c.source, messages.c.message_id, messages.c.subject, messages.c.differing)
                )
                if row.differing
            }
        kept = {one.key: content_of(one) for one in first}
        assert differing == Counter(one.key for one in arrived if content_of(one) != kept[one.key])


@st.composite
def twins_of(draw: st.DrawFn, sent: Sequence[Message]) -> list[Message]:
    """Messages that say what others of the same subject say, under ids that are taken."""
    twins: list[Message] = []
    for one in draw(st.lists(st.sampled_from(sent), max_size=3)) if sent else ():
        other = draw(st.sampled_from([other for other in sent if other.subject == one.subject]))
        assert one.fact is not None
        assert other.fact is not None
        source, message_id = one.fact.key
        twins.append(message(one.subject, msgspec.structs.replace(other.fact, source=source, message_id=message_id)))
    return twins


def content_of(sent: Message) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(sent.line)
    return {name: document[name] for name in ("type", "time", "data")}


# -- reading again -------------------------------------------------------------------------------


class TurnedOff(Exception):
    """Somebody turned the machine off."""


@tried(0.2)
@given(messages_of_every_sort(), st.sampled_from((1, 2, 5)), st.integers(1, 4), st.sampled_from((3, 1_000)))
def test_a_file_whose_reading_was_broken_off_is_read_on_from_where_it_stopped(
    sent: list[Message], batch_lines: int, batches: int, batch_lines_later: int
) -> None:
    left = batches

    def turn_off(_: Batch) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise TurnedOff

    with a_store() as store:
        # given
        with suppress(TurnedOff):
            read_file(store.process(0), "all.jsonl", sent, batch_lines=batch_lines, on_batch=turn_off)
        # when
        if not left:
            read_file(store.process(1), "all.jsonl", sent, batch_lines=batch_lines_later)
        # then
        check_books(store.process(0), sent)
        assert outcomes_in(store.process(0)) == outcomes_of(sent)


@tried(0.2)
@given(messages_of_every_sort(), st.data())
def test_a_topic_read_again_from_its_beginning_says_nothing_new(sent: list[Message], data: st.DataObject) -> None:
    """Of a topic, place names a malformed message for good: the same bytes at two places are two letters."""
    again = data.draw(repeated(sent))
    topic = data.draw(st.permutations([*sent, *again]))
    repeats = len([one for one in again if one.fact is not None])
    with a_store() as store:
        # given
        first = Pipeline(store.process(0), "orders", identifies_by_offset=True)
        first.take(one.line for one in topic)
        told_once, letters_once = outcomes_in(store.process(0)), letters_in(store.process(0))
        counts_once = books_kept(store.process(0).engine)
        # when
        store.process(0).register.finish_feed(first.feed.feed_id, store.clock.now)
        afresh = Pipeline(store.process(1), "orders", identifies_by_offset=True)
        cut = data.draw(st.integers(0, len(topic)))
        afresh.take(one.line for one in topic[:cut])
        afresh.take(one.line for one in topic[cut:])
        # then
        assert counts_once["malformed"] == len([one for one in topic if one.fact is None])
        assert counts_once["duplicate"] == counts_of(sent)[Verdict.DUPLICATE] + repeats
        assert books_kept(store.process(1).engine) == {
            **counts_once,
            "duplicate": counts_once["duplicate"] + len(topic),
        }
        assert outcomes_in(store.process(1)) == told_once == outcomes_of(sent)
        assert letters_in(store.process(1)) == letters_once


# -- batch by batch ------------------------------------------------------------------------------


@tried(0.4)
@given(well_formed_messages(), st.sampled_from((1, 1, 3, 24)), st.data())
def test_after_each_batch_the_store_equals_settling_from_the_beginning(
    sent: list[Message], long_stream: int, data: st.DataObject
) -> None:
    deliveries = data.draw(one_by_one(sent) | deliveries_of([*sent, *data.draw(repeated(sent))]), label="deliveries")
    received: list[Message] = []
    coming = iter(deliveries)

    def check(waybill: Waybill) -> None:
        received.extend(next(coming).messages)
        assert outcomes_in(waybill) == outcomes_of(received)
        check_kept(waybill, long_stream)

    with a_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_processing, "LONG_STREAM", long_stream)
        patch.setattr(register_transaction, "LONG_STREAM", long_stream)
        deliver(store, deliveries, after_each=check)


def check_kept(waybill: Waybill, long_stream: int) -> None:
    with waybill.engine.connect() as connection:
        kept_rows = {row.stream: row for row in connection.execute(select(snapshots))}
    versions: dict[str, list[int]] = defaultdict(list)
    for _, event in waybill.history.after(0, 10_000):
        versions[event.originator_id].append(event.originator_version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    for stream, facts in waybill.history.streams():
        kind, _ = split_stream_name(stream)
        settling = settle_stream(stream, facts, watched=False)
        nothing_may_change = not settling.waiting and not any(isinstance(fact, MessageVoided) for fact in facts)
        newest, row = versions[stream][-1], kept_rows.get(stream)
        of_use = row is not None and row.version == newest and row.snapshot is not None
        assert of_use == (nothing_may_change and newest >= long_stream)
        if row is not None and of_use:
            assert kind is not None
            assert settling.last_sort_key is not None
            kept = msgspec.json.decode(row.snapshot, type=KEPT[kind])
            anew: Snapshot[Any] = Snapshot(
                settling.last_sort_key,
                bool(settling.forbidden),
                settling.state,
                RULES_VERSION,
                settling.fingerprints_of_instant(),
            )
            assert without_versions(kept) == without_versions(anew)


def without_versions(kept: Snapshot[Any]) -> Any:
    """As plain values; where in its stream a fact stands that the state holds is nobody's business."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items() if not str(name).startswith("originator_")}
        return [plain(part) for part in value] if isinstance(value, list | tuple) else value

    return plain(msgspec.to_builtins(kept))


@tried(0.2)
@given(messages_of_every_sort(), st.data())
def test_after_each_batch_everything_verifies_and_the_books_balance(sent: list[Message], data: st.DataObject) -> None:
    deliveries = data.draw(deliveries_of([*sent, *data.draw(repeated(sent))]))
    received: list[Message] = []
    coming = iter(deliveries)

    def check(waybill: Waybill) -> None:
        received.extend(next(coming).messages)
        project(waybill)
        assert findings_in(waybill) == []
        assert outcomes_in(waybill) == outcomes_of(received)
        check_books(waybill, received)

    with a_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(settled_anew, "STREAMS_AT_ONCE", data.draw(st.sampled_from((1, 2, 500)), label="at once"))
        deliver(store, deliveries, after_each=check)


@tried(0.4)
@given(order_facts(voids=False), st.data())
def test_of_a_batch_that_failed_nothing_is_remembered(facts: list[Fact], data: st.DataObject) -> None:
    """One message fails in a process, the next comes to another, a third to the first again; then the failed one."""
    to_come = as_it_happened(message("SO-1", fact) for fact in facts)
    received: list[Message] = []
    with a_store() as store:
        # given
        pipelines = [Pipeline(store.process(number), f"feed-{number}") for number in (0, 1)]

        def take_next(number: int) -> None:
            if to_come:
                received.append(to_come.pop(0))
                pipelines[number].take([received[-1].line])

        while to_come:
            # when
            number = data.draw(st.integers(0, 1), label="pipeline")
            if data.draw(st.booleans(), label="fails at first"):
                failed = to_come.pop(0)
                with failing_to_store(store.process(number), DiskFull, written=True), pytest.raises(DiskFull):
                    pipelines[number].take([failed.line])
                take_next(1 - number)
                take_next(number)
                to_come.insert(data.draw(st.integers(0, 2), label="tried again after"), failed)
            else:
                take_next(number)
            # then
            assert outcomes_in(store.process()) == outcomes_of(received)


# -- two that read one feed ----------------------------------------------------------------------


@tried(0.2)
@given(messages_of_every_sort().filter(lambda sent: len(sent) > 1), st.data())
def test_of_two_pipelines_that_both_own_a_feed_the_second_stores_nothing(
    sent: list[Message], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(sent) - 1))
    before = data.draw(st.integers(0, cut - 1))
    with a_store() as store:
        # given
        owner = Pipeline(store.process(0), "orders")
        owner.take(one.line for one in sent[:before])
        zombie = Pipeline(store.process(1), "orders")
        assert zombie.feed == owner.feed
        # when
        owner.take(one.line for one in sent[before:cut])
        stored = everything_in(store.process(0))
        with pytest.raises(CheckpointMovedError):
            zombie.take(one.line for one in data.draw(st.sampled_from((sent[before:], sent[cut:], sent))))
        # then
        assert everything_in(store.process(0)) == stored
        check_books(store.process(0), sent[:cut])
        # and the owner goes on
        owner.take(one.line for one in sent[cut:])
        check_books(store.process(1), sent)


def everything_in(waybill: Waybill) -> Mapping[str, list[Any]]:
    """Every row of every table of the store."""
    with waybill.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: list(connection.execute(text(f'SELECT * FROM "{name}"'))) for name in names}


# -- the strategies themselves -------------------------------------------------------------------

Sight = Callable[[list[Message]], bool]


def outcome_seen(holds: Callable[[Message, Any], bool]) -> Sight:
    def seen(sent: list[Message]) -> bool:
        outcomes = outcomes_of(sent)
        return any(one.fact is not None and holds(one, outcomes[one.key]) for one in sent)

    return seen


def is_void(one: Message) -> bool:
    return isinstance(one.fact, MessageVoided)


SEEN_IN_MESSAGES: dict[str, Sight] = {
    "a voided message of a rep": outcome_seen(lambda one, out: one.line.find(b'"rep.') > 0 and out.voided),
    "a voided message of an account": outcome_seen(lambda one, out: one.line.find(b'"account.') > 0 and out.voided),
    "a voided void": outcome_seen(lambda one, out: is_void(one) and out.voided and "voided by" in out.reason),
    "a ring of voids": outcome_seen(lambda one, out: "in a ring" in out.reason),
    "a void that waits": outcome_seen(lambda one, out: is_void(one) and out.verdict is Verdict.HELD),
    "an order that goes by the name of a rep": lambda sent: {"order-ann", "rep-ann"} <= by_stream(sent).keys(),
    "a malformed twin": lambda sent: any(
        one.fact is None and other.fact is not None and other.fact.message_id.encode() in one.line
        for one in sent
        for other in sent
    ),
}


@pytest.mark.parametrize("sight", SEEN_IN_MESSAGES)
def test_the_messages_sent_here_contain(sight: str) -> None:
    """A property says little of what its messages never contain."""
    find(
        messages_of_every_sort(),
        SEEN_IN_MESSAGES[sight],
        settings=settings(max_examples=1000, derandomize=True, database=None, deadline=None, phases=[Phase.generate]),
    )
