"""Parking for reactors: a failing batch is retried; then its keys are tried one by one, and those that fail are parked.

A parked key is tried again with its next event, whenever a process takes the lead, and by `waybill parked retry`. If
too many fail, the reactor itself is at fault and stops; it is tried again once a minute. Projections have the same
policy (projections/failures.py, docs/decisions/014).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice

import structlog

from consumers.reactors.reacting import Reacted, Reacting
from consumers.reactors.reactor import Reactor
from domain.checkpoint import CheckpointMovedError
from infra.store.opening import StoreVersionError
from infra.store.reactions.failures import (
    THE_REACTOR_ITSELF,
    ReactionFailure,
    reaction_failures_of,
    record_reaction_failure,
    resolve_reaction_failure,
)
from infra.store.reactions.reading import Touched
from infra.store.reactions.transaction import DUE_AT_ONCE, StoredReactions
from infra.store.retries import is_the_stores_own
from projections.failures import Backoff, FailurePolicy, reason_of

KEYS_AT_ONCE = 200
"""How many keys are reacted to in one transaction, or one after another, before the reactor looks again."""

OnReacted = Callable[[Reactor, Reacted], None]


def concerns_a_key(error: BaseException) -> bool:
    """Whether reacting to a key failed, and not the store, its version or the race for the checkpoint."""
    return not is_the_stores_own(error) and not isinstance(error, CheckpointMovedError | StoreVersionError)


class ReactionParking:
    """Retries failing batches of reactors and parks the keys at fault. `on_reacted` is called for each key alone."""

    def __init__(
        self,
        store: StoredReactions,
        reacting: Reacting,
        clock: Callable[[], datetime],
        policy: FailurePolicy,
        on_reacted: OnReacted,
    ):
        self._store = store
        self._reacting = reacting
        self._clock = clock
        self._policy = policy
        self._on_reacted = on_reacted
        self._backoffs: dict[str, Backoff] = {}
        self._log = structlog.get_logger(__name__)

    def is_due(self, reactor: Reactor) -> bool:
        """Whether a reactor may run now: it has not failed, or its retry is due."""
        backoff = self._backoffs.get(reactor.name)
        return backoff is None or backoff.is_due

    def seconds_to_retry(self) -> float | None:
        """How long until the next retry of a failed batch; None if there is none."""
        due = [backoff.due for backoff in self._backoffs.values() if not backoff.stopped]
        return max(0.0, min(due) - self._policy.monotonic()) if due else None

    def recovered(self, reactor: Reactor, *, stopped: bool) -> None:
        """A batch of this reactor, which was `stopped` before or not, was written."""
        self._backoffs.pop(reactor.name, None)
        if not stopped:
            return
        with self._store.transaction(storing=False) as transaction:
            resumed = resolve_reaction_failure(transaction.connection, reactor.name, THE_REACTOR_ITSELF)
        if resumed:
            self._log.info("reaction_resumed", reactor=reactor.name, key=None)

    def failed(
        self, reactor: Reactor, touched: Touched, due: Sequence[str], error: Exception, *, stopped: bool
    ) -> bool:
        """A batch failed: wait for its retry or, after the last one, try its keys one by one; False while it waits."""
        backoff = self._backoffs.get(reactor.name)
        if backoff is None:
            backoff = self._backoffs[reactor.name] = Backoff(self._policy)
        if stopped:
            backoff.stop()
            return False
        if not backoff.fail():
            self._log.warning("reaction_failed", reactor=reactor.name, position=touched.end, reason=reason_of(error))
            return False
        self.one_by_one(reactor, touched, due, stopped=stopped)
        return True

    def one_by_one(self, reactor: Reactor, touched: Touched, due: Sequence[str], *, stopped: bool) -> None:
        """React to each key in a transaction of its own, and park those that fail.

        The checkpoint moves first, in one transaction with the plan to react to all these keys: nothing is lost by a
        kill in between.
        """
        if touched.events:
            with self._store.transaction(storing=False) as transaction:
                transaction.move(reactor, touched)
                transaction.schedule(reactor, dict.fromkeys(touched.keys, DUE_AT_ONCE))
        # The others stay due.
        for key in islice(dict.fromkeys([*touched.keys, *due]), KEYS_AT_ONCE):
            if not self.react_alone(reactor, key, touched.end) and self._stops(reactor, touched.end):
                return
        self.recovered(reactor, stopped=stopped)

    def react_alone(self, reactor: Reactor, key: str, position: int) -> bool:
        """React to one key; if that fails, park it and return False."""
        now = self._clock()
        try:
            with self._store.transaction(storing=True) as transaction:
                reacted = self._reacting.react(transaction, reactor, [key], now)
                transaction.write(reactor, reacted)
                resumed = resolve_reaction_failure(transaction.connection, reactor.name, key)
        except Exception as e:
            if not concerns_a_key(e):
                raise
            self._park(ReactionFailure(reactor.name, key, position, reason_of(e), now))
            return False
        if resumed:
            self._log.info("reaction_resumed", reactor=reactor.name, key=key)
        self._on_reacted(reactor, reacted)
        return True

    def retry_parked(self, reactors: Sequence[Reactor]) -> None:
        """Plan to react to all parked keys at once: the cause may be fixed."""
        with self._store.transaction(storing=False) as transaction:
            for reactor in reactors:
                keys = reaction_failures_of(transaction.connection, reactor.name).keys() - {THE_REACTOR_ITSELF}
                transaction.schedule(reactor, dict.fromkeys(sorted(keys), DUE_AT_ONCE))

    def _park(self, failure: ReactionFailure) -> None:
        with self._store.transaction(storing=False) as transaction:
            record_reaction_failure(transaction.connection, failure)
            transaction.forget_wake(failure.reactor, failure.key)
        self._log.error("reaction_key_parked", **_told(failure))

    def _stops(self, reactor: Reactor, position: int) -> bool:
        """Whether too many keys are parked, so that the reactor stops."""
        with self._store.transaction(storing=False) as transaction:
            failures = reaction_failures_of(transaction.connection, reactor.name)
            if len(failures.keys() - {THE_REACTOR_ITSELF}) <= self._policy.most_parked:
                return False
            newest = max(failures.values(), key=lambda one: one.since)
            reason = f"more than {self._policy.most_parked} keys fail; of {newest.key}: {newest.reason}"
            failure = ReactionFailure(reactor.name, THE_REACTOR_ITSELF, position, reason, self._clock())
            record_reaction_failure(transaction.connection, failure)
        self._backoffs.setdefault(reactor.name, Backoff(self._policy)).stop()
        self._log.error("reaction_stopped", reactor=reactor.name, position=position, reason=reason)
        return True


def _told(failure: ReactionFailure) -> Mapping[str, object]:
    return {"reactor": failure.reactor, "key": failure.key, "position": failure.position, "reason": failure.reason}
