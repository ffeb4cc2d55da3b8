"""Verify, for derived messages: reacts to everything again and compares with what stands. It only reads."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from consumers.reactors.reacting import ReactionFailedError, difference
from consumers.reactors.reactor import CHECKPOINTS, Reactor, checkpoint_of
from domain.streams import split_stream_name
from infra.app.container import Waybill
from infra.store.events.history import head_seen
from infra.store.reactions.failures import ReactionFailure, reaction_failures_of
from infra.store.reactions.reading import ReactionReading
from infra.store.reactions.transaction import ReactionStatements, StoredReactionTransaction

STANDS, NOT_STATED = "it stands", "it was not stated"
NO_REASON, OTHERWISE, NOT_REGISTERED = "no reason for it", "it says something else", "it is not registered"


class DerivedFinding(NamedTuple):
    """A derived message that a fresh reaction does not give, or gives otherwise: what was expected and found."""

    subject: str
    expected: str
    found: str


class DerivedCheck:
    """Compares stream by stream, as the connection's transaction sees the store.

    Only reactors that have nothing left to do are checked.
    """

    def __init__(self, waybill: Waybill, connection: Connection):
        backend = waybill.backend
        self._reading = ReactionReading(backend)
        self._connection = connection
        self._transaction = StoredReactionTransaction(connection, backend, ReactionStatements(backend))
        self._now = waybill.clock()
        head = head_seen(connection, backend)
        self.reactors: Sequence[Reactor] = [
            reactor
            for reactor in waybill.reactors()
            if self._reading.position(connection, reactor) == head
            and not self._reading.count_due(connection, reactor, self._now)
        ]

    def findings(self, streams: Sequence[str]) -> tuple[int, list[DerivedFinding]]:
        """How many messages stand of the keys among these streams, and what is wrong with them."""
        standing = 0
        findings: list[DerivedFinding] = []
        for reactor in self.reactors:
            own = (split_stream_name(stream) for stream in streams)
            keys = {subject for kind, subject in own if kind is reactor.kind}
            keys = self._reading.with_reasons(self._connection, reactor, keys) if keys else set()
            failures = reaction_failures_of(self._connection, reactor.name)
            findings += (_parked(failures[key]) for key in sorted(keys & failures.keys()))
            keys -= failures.keys()
            while keys:
                try:
                    count, found = self._compare(reactor, sorted(keys))
                except ReactionFailedError as e:
                    findings.append(DerivedFinding(f"{e.key} of {checkpoint_of(reactor)}", "a reaction", str(e)))
                    keys.discard(e.key)
                    continue
                standing += count
                findings += found
                break
        return standing, findings

    def _compare(self, reactor: Reactor, keys: Sequence[str]) -> tuple[int, list[DerivedFinding]]:
        kept_before, kept, added, withdrawn, _ = difference(self._transaction, reactor, keys, self._now)
        found = {key: (STANDS, OTHERWISE if key in withdrawn else NOT_STATED) for key in added}
        found |= {key: (NO_REASON, STANDS) for key in withdrawn if key not in added}
        stated = {key for told in kept_before.values() for key, one in told.items() if one.stands}
        found |= dict.fromkeys(stated - self._transaction.registered(stated).keys(), (STANDS, NOT_REGISTERED))
        count = sum(one.stands for told in kept.values() for one in told.values())
        return count, [
            DerivedFinding(f"message {key.message_id} of {key.source} about {key.subject}", *what)
            for key, what in sorted(found.items())
        ]


def _parked(failure: ReactionFailure) -> DerivedFinding:
    return DerivedFinding(
        f"{failure.key} of {CHECKPOINTS}{failure.reactor}",
        "its reactions as of its newest event",
        f"parked since {failure.since:%Y-%m-%dT%H:%M:%SZ} at position {failure.position}: {failure.reason}",
    )
