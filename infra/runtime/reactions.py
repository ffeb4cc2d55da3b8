"""The reactors: state what follows from the stored facts and from the clock, until stopped."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from functools import partial
from threading import Event
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine

from consumers.reactors.reacting import Derived, Reacted, Reacting
from consumers.reactors.reactor import Reactor
from infra.runtime.pausing import never_paused
from infra.runtime.processor import Processor
from infra.runtime.reaction_parking import KEYS_AT_ONCE, ReactionParking, concerns_a_key
from infra.signals.pulse import Pulse
from infra.store.leadership import Leadership
from infra.store.reactions.failures import THE_REACTOR_ITSELF, reaction_failures_of
from infra.store.reactions.reading import ReactionReading, Touched
from infra.store.reactions.transaction import DUE_AT_ONCE, StoredReactions, StoredReactionTransaction
from infra.store.retries import RetryPolicy
from projections.failures import FailurePolicy

ROLE = "reactor"
IDLE_SECONDS = 1.0
"""How long an idle leader waits before it looks again: a date that comes due does not wake it."""


class Done(NamedTuple):
    """How many messages a reactor stored and withdrew."""

    reactor: str
    stated: int
    withdrawn: int


class Reactions:
    """Runs the reactors until stopped; see Processor. It implements infra.runtime.processor.Work.

    A step reads the events after a reactor's checkpoint and reacts to the keys that they touch, or whose time has come,
    in one transaction with the checkpoint. `end_clock_holds` applies the messages whose clock hold ends, and returns
    how many. While the reactors are `paused`, they do nothing. A key that cannot be reacted to is parked by `policy`.
    """

    def __init__(
        self,
        reactors: Sequence[Reactor],
        engine: Engine,
        reading: ReactionReading,
        store: StoredReactions,
        clock: Callable[[], datetime],
        batch_events: int,
        retry: RetryPolicy,
        *,
        end_clock_holds: Callable[[], int] = lambda: 0,
        pulse: Pulse | None = None,
        paused: Callable[[], bool] = never_paused,
        policy: FailurePolicy | None = None,
    ):
        self._pulse = pulse or Pulse(ROLE)
        self._reactors = reactors
        self._engine = engine
        self._reading = reading
        self._store = store
        self._clock = clock
        self._batch_events = batch_events
        self._retry = retry
        self._end_clock_holds = end_clock_holds
        self._paused = paused
        self._reacting = Reacting()
        self._parking = ReactionParking(store, self._reacting, clock, policy or FailurePolicy(), self._count)
        self._done = {reactor.name: Done(reactor.name, 0, 0) for reactor in reactors}
        self._log = structlog.get_logger(__name__)

    def run(self, leadership: Leadership, stop: Event, *, once: bool = False) -> None:
        """React until the stop is set. With `once`, end when nothing is left to do, by any process."""
        Processor(ROLE, self, leadership, self._retry, stop, IDLE_SECONDS, self._pulse).run(once=once)

    @property
    def done(self) -> Sequence[Done]:
        """What each reactor did in this process so far."""
        return list(self._done.values())

    def would_derive(self) -> list[Derived]:
        """What running once would store and withdraw. Nothing is stored; other writers wait for the answer."""
        derived: list[Derived] = []
        try:
            with self._store.transaction(storing=True) as transaction:
                self._begin(transaction)
                busy = True
                while busy:
                    batches = [self._take_next(transaction, reactor) for reactor in self._reactors]
                    derived += (one for batch in batches if batch is not None for one in batch)
                    busy = any(batch is not None for batch in batches)
                raise _Rollback
        except _Rollback:
            return derived

    def retry_parked(self, reactor: Reactor, keys: Sequence[str]) -> list[str]:
        """React to these keys now, whichever process leads; returns those that still fail."""
        with self._engine.connect() as connection:
            position = self._reading.position(connection, reactor)
        return [key for key in keys if not self._retry(partial(self._parking.react_alone, reactor, key, position))]

    def retry_batch(self, reactor: Reactor) -> None:
        """Try the next batch of a reactor that is stopped now, whichever process leads."""
        self._retry(partial(self._step, reactor))

    # -- infra.runtime.processor.Work ----------------------------------------------------------------

    def begin(self) -> None:
        with self._store.transaction(storing=False) as transaction:
            self._begin(transaction)
        self._parking.retry_parked(self._reactors)

    def step(self) -> bool:
        if self._retry(self._paused):
            return False
        due = [reactor for reactor in self._reactors if self._parking.is_due(reactor)]
        busy = [self._retry(partial(self._step, reactor)) for reactor in due]
        return any(busy) or self._end_clock_holds() > 0

    def has_more(self) -> bool:
        return True  # only the next step can tell

    def seconds_to_retry(self) -> float | None:
        return self._parking.seconds_to_retry()

    def is_done(self) -> bool:
        now = self._clock()
        if self._paused():
            return True
        with self._engine.connect() as connection:
            return not any(
                self._look(connection, reactor, now).is_work
                for reactor in self._reactors
                if THE_REACTOR_ITSELF not in reaction_failures_of(connection, reactor.name)
            )

    # -- one reactor -----------------------------------------------------------------------------------

    def _begin(self, transaction: StoredReactionTransaction) -> None:
        now = self._clock()
        for reactor in self._reactors:
            transaction.begin(reactor, now)

    def _step(self, reactor: Reactor) -> bool:
        """One batch of one reactor in one transaction; False if there is nothing to do."""
        now = self._clock()
        with self._engine.connect() as connection:
            found = self._look(connection, reactor, now)
            failures = reaction_failures_of(connection, reactor.name) if found.is_work else {}
        if not found.is_work:
            return False
        stopped = THE_REACTOR_ITSELF in failures
        if found.concerns(failures.keys()):
            self._parking.one_by_one(reactor, found.touched, found.due, stopped=stopped)
            return True
        try:
            with self._store.transaction(storing=found.needs_reactions) as transaction:
                derived = self._take(transaction, reactor, found, now)
        except Exception as e:
            if not concerns_a_key(e):
                raise
            return self._parking.failed(reactor, found.touched, found.due, e, stopped=stopped)
        self._pulse.batch(found.touched.events)
        self._parking.recovered(reactor, stopped=stopped)
        stated, withdrawn = self._add_up(reactor, derived)
        self._log.info(
            "batch_reacted",
            reactor=reactor.name,
            start=found.touched.start,
            position=found.touched.end,
            events=found.touched.events,
            derived=stated,
            withdrawn=withdrawn,
        )
        return True

    def _count(self, reactor: Reactor, reacted: Reacted) -> None:
        self._add_up(reactor, reacted.derived)

    def _add_up(self, reactor: Reactor, derived: Sequence[Derived]) -> tuple[int, int]:
        """Count what was stated and withdrawn."""
        stated = sum(one.fact is not None for one in derived)
        withdrawn = len(derived) - stated
        before = self._done[reactor.name]
        self._done[reactor.name] = Done(reactor.name, before.stated + stated, before.withdrawn + withdrawn)
        return stated, withdrawn

    def _take_next(self, transaction: StoredReactionTransaction, reactor: Reactor) -> Sequence[Derived] | None:
        """The same within one transaction for all batches. None if there is nothing to do."""
        now = self._clock()
        found = self._look(transaction.connection, reactor, now)
        return self._take(transaction, reactor, found, now) if found.is_work else None

    def _look(self, connection: Connection, reactor: Reactor, now: datetime) -> "_Found":
        touched = self._reading.after(connection, reactor, self._batch_events)
        return _Found(touched, self._reading.due(connection, reactor, now, KEYS_AT_ONCE))

    def _take(
        self, transaction: StoredReactionTransaction, reactor: Reactor, found: "_Found", now: datetime
    ) -> Sequence[Derived]:
        touched = found.touched
        if touched.events:
            transaction.move(reactor, touched)
        if not found.needs_reactions:
            return ()
        # Keys beyond the most wait in the store: a number that thousands of orders share must not hold the write lock.
        keys, later = touched.keys[:KEYS_AT_ONCE], touched.keys[KEYS_AT_ONCE:]
        transaction.schedule(reactor, dict.fromkeys(later, DUE_AT_ONCE))
        if len(keys) < KEYS_AT_ONCE:
            # Another process may have reacted to them since they were found.
            due = self._reading.due(transaction.connection, reactor, now, KEYS_AT_ONCE - len(keys))
            keys = list(dict.fromkeys([*keys, *due]))
        reacted = self._reacting.react(transaction, reactor, keys, now)
        transaction.write(reactor, reacted)
        return reacted.derived


class _Found(NamedTuple):
    """What a reactor has to do next: events after its checkpoint, and keys whose time has come."""

    touched: Touched
    due: Sequence[str]

    @property
    def is_work(self) -> bool:
        return bool(self.touched.events or self.due)

    def concerns(self, parked: Set[str]) -> bool:
        """Whether any of these keys is among those to react to."""
        return bool(parked) and not parked.isdisjoint([*self.touched.keys, *self.due])

    @property
    def needs_reactions(self) -> bool:
        return bool(self.touched.keys or self.due)


class _Rollback(Exception):
    """Ends a dry run, so that nothing of it is kept."""
