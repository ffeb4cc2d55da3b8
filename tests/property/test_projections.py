"""What holds of the projections of any messages whatever, however they are read, broken off and read again."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from consumers.ingest.register import MessageKey
from domain.checkpoint import CheckpointMovedError
from domain.fact import Fact
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.queries.books import books as books_of
from infra.queries.books import kept as books_kept
from infra.queries.views import Asked
from projections.catalogue import PROJECTIONS
from projections.order_states import order_states, rep_open_orders
from projections.projection import Projection
from projections.views.catalogue import VIEWS, View
from tests.property.histories import HOURS
from tests.property.messages import (
    Message,
    as_it_happened,
    by_stream,
    counts_of,
    deliveries_of,
    messages_of_every_sort,
    outcomes_of,
    repeated,
    reworded,
    well_formed_messages,
)
from tests.property.stores import (
    DiskFull,
    Killed,
    Pipeline,
    a_store,
    answers_of,
    deliver,
    failing_to_store,
    findings_in,
    forget_projections,
    killed_while_projecting,
    loads_in,
    on_each_database,
    outcomes_in,
    project,
    rows_in,
    rows_of,
    runner_of,
    small_and_quiet,
    tables_of,
    tried,
)
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import oclock

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")

batch_sizes = st.sampled_from((1, 2, 3, 10, 1_000))
happening = st.sampled_from([oclock(hour) for hour in HOURS])
some_projections = st.sampled_from(((0, 5), (0, 5), (0, 1), (1, 5), (2, 4))).map(lambda part: PROJECTIONS[slice(*part)])
some_view = st.integers(0, len(VIEWS) - 1).map(VIEWS.__getitem__)
clocks = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def positions_of(waybill: Waybill) -> dict[str, int]:
    return waybill.rows.positions(PROJECTIONS)


# -- totals and replays --------------------------------------------------------------------------


@tried(0.2)
@given(well_formed_messages(), st.data())
def test_totals_equal_a_recount_after_every_batch(sent: list[Message], data: st.DataObject) -> None:
    deliveries = data.draw(deliveries_of([*sent, *data.draw(repeated(sent))], projecting=False), label="deliveries")

    def recount_after_each_step(waybill: Waybill) -> None:
        runner = runner_of(waybill, data.draw(batch_sizes))
        while runner.step():
            rows = rows_in(waybill)
            assert rows[rep_open_orders.name] == loads_in(rows[order_states.name])

    with a_store() as store:
        deliver(store, deliveries, after_each=recount_after_each_step)
        assert rows_in(store.process()) == rows_of(by_stream(sent))


@tried(0.15)
@given(messages_of_every_sort(), st.data())
def test_every_replay_gives_equal_rows_at_any_clock_and_batch_size(sent: list[Message], data: st.DataObject) -> None:
    with a_store() as store:
        # given
        deliver(store, data.draw(deliveries_of(sent), label="deliveries"))
        waybill = store.process()
        project(waybill)
        as_of = data.draw(happening, label="as of")
        rows, answers = rows_in(waybill), answers_of(waybill, as_of)
        for _ in range(2):
            # when
            store.clock.now = data.draw(clocks, label="clock")
            forget_projections(waybill)
            ahead = runner_of(waybill, data.draw(batch_sizes), data.draw(some_projections))
            for _ in range(data.draw(st.integers(0, 2), label="steps ahead")):
                ahead.step()
            project(waybill, data.draw(batch_sizes))
            # then
            assert rows_in(waybill) == rows
            assert answers_of(waybill, as_of) == answers
            assert findings_in(waybill) == []


# -- whatever comes between ----------------------------------------------------------------------

picks = st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1, max_size=6)
processes = st.integers(0, 1)


class Service(RuleBasedStateMachine):
    """Two processes on one store that take messages in and project them, and are killed and started again.

    A process that is killed leaves the files as they lie on the disk at that moment; the service goes on with these.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.store = self.stack.enter_context(a_store())
        self.pipelines: dict[int, Pipeline] = {}
        self.sent: list[Message] = []
        self.received: list[Message] = []
        self.outcomes: dict[MessageKey, Outcome] = {}
        self.received_at: dict[MessageKey, datetime] = {}
        self.shaped: dict[int, Mapping[str, set[Any]]] = {}

    def teardown(self) -> None:
        self.stack.close()

    @initialize(sent=messages_of_every_sort().filter(bool))
    def upstream_has_something_to_say(self, sent: list[Message]) -> None:
        self.sent = as_it_happened(sent)

    # What is done to it.

    @rule(number=processes, picked=picks)
    def messages_come_in(self, number: int, picked: list[tuple[int, bool]]) -> None:
        messages = self.chosen(picked)
        receipts = self.pipeline(number).take(one.line for one in messages)
        assert len(receipts) == len(messages)
        self.note_received(messages)

    @rule(number=processes, batch_events=batch_sizes, projections=some_projections)
    def projections_take_a_step(self, number: int, batch_events: int, projections: Sequence[Projection]) -> None:
        before = positions_of(self.store.process(number))
        step = runner_of(self.store.process(number), batch_events, projections).step()
        after = positions_of(self.store.process(number))
        moved = {name for name in before if after[name] != before[name]}
        if step is None:
            assert not moved
        else:
            assert step.events <= batch_events
            assert {(before[name], after[name]) for name in moved} == {(step.start, step.end)}
            assert not any(step.start < before[projection.name] < step.end for projection in projections)

    @rule(number=processes, batch_events=batch_sizes)
    def projections_catch_up(self, number: int, batch_events: int) -> None:
        waybill = self.store.process(number)
        project(waybill, batch_events)
        assert set(positions_of(waybill).values()) == {waybill.history.head()}
        assert findings_in(waybill) == []

    @rule(hours=st.sampled_from((1, 24, 80)))
    def time_passes(self, hours: int) -> None:
        self.store.clock.now += timedelta(hours=hours)

    @rule(number=processes)
    def a_process_is_started_again(self, number: int) -> None:
        self.pipelines.pop(number, None)
        self.store.restart(number)

    @rule(number=processes, picked=picks, written=st.booleans())
    def the_disk_is_full_for_a_while(self, number: int, picked: list[tuple[int, bool]], written: bool) -> None:
        messages, pipeline = self.chosen(picked), self.pipeline(number)
        before = pipeline.feed
        with failing_to_store(self.store.process(number), DiskFull, written=written), pytest.raises(DiskFull):
            pipeline.take(one.line for one in messages)
        assert pipeline.feed == before

    @rule(number=processes, picked=picks, written=st.booleans())
    def a_process_is_killed_while_it_stores(self, number: int, picked: list[tuple[int, bool]], written: bool) -> None:
        messages, pipeline, store = self.chosen(picked), self.pipeline(number), self.store
        with (
            failing_to_store(self.store.process(number), lambda: Killed(store), written=written),
            pytest.raises(Killed) as killed,
        ):
            pipeline.take(one.line for one in messages)
        self.go_on_with(killed.value)
        assert self.pipeline(number).feed == pipeline.feed

    @rule(number=processes, picked=picks)
    def a_process_is_killed_after_it_stored(self, number: int, picked: list[tuple[int, bool]]) -> None:
        messages, pipeline = self.chosen(picked), self.pipeline(number)
        pipeline.take(one.line for one in messages)
        self.note_received(messages)
        self.go_on_with(Killed(self.store))
        assert self.pipeline(number).feed == pipeline.feed

    @rule(number=processes, batch_events=batch_sizes, statements=st.integers(0, 20))
    def a_process_is_killed_while_it_projects(self, number: int, batch_events: int, statements: int) -> None:
        waybill = self.store.process(number)
        before = positions_of(waybill)
        try:
            with killed_while_projecting(waybill, self.store, statements):
                runner_of(waybill, batch_events).step()
        except Killed as killed:
            self.go_on_with(killed)
        assert positions_of(self.store.process(number)) == before

    @rule(batch_events=st.tuples(batch_sizes, batch_sizes), projections=st.tuples(some_projections, some_projections))
    def one_runner_overtakes_another(
        self, batch_events: tuple[int, int], projections: tuple[Sequence[Projection], Sequence[Projection]]
    ) -> None:
        slow, fast = self.store.process(0), self.store.process(1)
        before = positions_of(slow)
        furthest_behind = min(before[projection.name] for projection in projections[0])
        moving = {p.name for p in projections[0] if before[p.name] == furthest_behind}
        overtaken = set[str]()
        read_facts = slow.history.facts_of_whole

        def read_while_the_other_writes(streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
            runner_of(fast, batch_events[1], projections[1]).step()
            overtaken.update(name for name, position in positions_of(fast).items() if position != before[name])
            return read_facts(streams, position)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slow.history, "facts_of_whole", read_while_the_other_writes)
            try:
                runner_of(slow, batch_events[0], projections[0]).step()
            except CheckpointMovedError:
                assert moving & overtaken, "only one that was overtaken gives way"
                after = positions_of(slow)
                assert {name for name in before if after[name] != before[name]} == overtaken
            else:
                assert not moving & overtaken, "of two that move one projection, only one writes"

    @rule(picked=st.tuples(picks, picks))
    def two_pipelines_own_one_feed(self, picked: tuple[list[tuple[int, bool]], list[tuple[int, bool]]]) -> None:
        owner = self.pipeline(0)
        zombie = Pipeline(self.store.process(1), owner.source.topic)
        assert zombie.feed == owner.feed
        messages = self.chosen(picked[0])
        owner.take(one.line for one in messages)
        self.note_received(messages)
        with pytest.raises(CheckpointMovedError):
            zombie.take(one.line for one in self.chosen(picked[1]))

    @rule(number=processes, view=some_view, as_of=st.none() | happening)
    def someone_asks(self, number: int, view: View, as_of: datetime | None) -> None:
        waybill = self.store.process(number)
        positions = positions_of(waybill)
        answer = waybill.views.ask(view, Asked(as_of))
        assert answer.position == min(positions[projection.name] for projection in view.projections)
        if all(positions[projection.name] == waybill.history.head() for projection in view.projections):
            settled_again = waybill.views.ask(view, Asked(as_of, known_at=self.store.clock.now))
            assert settled_again.rows == answer.rows

    # What holds at all times.

    @invariant()
    def each_message_has_exactly_one_verdict(self) -> None:
        assert outcomes_in(self.store.process()) == self.outcomes

    @invariant()
    def the_books_balance(self) -> None:
        waybill, counts = self.store.process(), counts_of(self.received)
        too_old = self.store.clock.now - waybill.hold
        expired = sum(
            outcome.verdict is Verdict.HELD and self.received_at[key] < too_old
            for key, outcome in self.outcomes.items()
        )
        books = books_of(waybill.engine, self.store.clock.now, waybill.hold)
        assert books_kept(waybill.engine) == {verdict.value: count for verdict, count in counts.items()}
        assert books.received == len(self.received)
        assert books.received == books.applied + books.duplicate + books.held + books.dead
        assert books.held == counts[Verdict.HELD] - expired
        now, letters = self.store.clock.now, waybill.dead_letters
        assert (len(letters.held(now)), len(letters.dead(now, discarded=True))) == (books.held, books.dead)

    @invariant()
    def no_position_skips_an_event(self) -> None:
        """The rows of each projection are those that follow from the events up to its position, and from no other."""
        waybill = self.store.process()
        rows, positions = rows_in(waybill), positions_of(waybill)
        for projection in PROJECTIONS:
            follows = self.rows_at(positions[projection.name])
            assert all(rows[name] == follows[name] for name in tables_of((projection,)))

    # How the above is done.

    def pipeline(self, number: int) -> Pipeline:
        if number not in self.pipelines:
            self.pipelines[number] = Pipeline(self.store.process(number), f"feed-{number}")
        return self.pipelines[number]

    def chosen(self, picked: Sequence[tuple[int, bool]]) -> list[Message]:
        """One of all messages for each number, or the next in time that has not come yet; some are reworded."""
        known = {one.known_by for one in self.received}
        to_come = iter([one for one in self.sent if one.known_by not in known])
        messages = []
        for number, otherwise in picked:
            any_other = self.sent[number % len(self.sent)]
            message = next(to_come, any_other) if number < 50 else any_other
            messages.append(reworded(message) if otherwise else message)
        return messages

    def note_received(self, messages: Sequence[Message]) -> None:
        self.received += messages
        self.outcomes = outcomes_of(self.received)
        for one in messages:
            if one.fact is not None:
                self.received_at.setdefault(one.key, self.store.clock.now)

    def go_on_with(self, killed: Killed) -> None:
        """What the killed process left behind is all there is; the other processes are started again as well."""
        left = killed.left
        if left is self.store:
            left.close()
        else:
            left.clock = self.store.clock
            self.stack.callback(left.discard)
        self.store, self.pipelines = left, {}

    def rows_at(self, position: int) -> Mapping[str, set[Any]]:
        """What the events up to a position come to. Events are never changed, so once found it holds."""
        if position not in self.shaped:
            streams: dict[str, list[Fact]] = {}
            for place, stored in self.store.process().history.after(0, 10_000):
                if place <= position and isinstance(stored, Fact):
                    streams.setdefault(stored.originator_id, []).append(stored)
            self.shaped[position] = rows_of(streams)
        return self.shaped[position]


def test_all_of_this_holds_after_any_sequence_of_steps() -> None:
    run_state_machine_as_test(Service, settings=settings(tried(0.2), stateful_step_count=20))
