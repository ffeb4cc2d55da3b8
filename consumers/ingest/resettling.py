"""Settles each stream that a batch adds to, once, in one of three ways.

- Usually its settling is in the cache or in a snapshot, and the added facts are put on top.
- It is new and has only the added facts.
- Otherwise its earlier facts are read (one query for all such streams) and settled with the added facts. The register
  gives the earlier verdicts of facts whose verdicts may have changed.

A stream that is pruned (domain/pruning.py) is not settled: whatever came after that is held.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from consumers.ingest.register import FiledFacts, MessageKey, RegisteredFact, RegisterTransaction
from consumers.ingest.settling_cache import IngestSettlingCache
from consumers.ingest.snapshots import restore_snapshot
from domain.clock_holds import release
from domain.events import MessageVoided
from domain.fact import Fact, FactKey, sort_key_of
from domain.pruning import PRUNED, StreamPruned, outcome_of_pruned
from domain.settling import Settling
from domain.stepping import can_be_stepped_on, come_after, step_on
from domain.streams import is_waiting_room, settle_stream, split_stream_name


class Resettled(NamedTuple):
    """A stream settled with the added facts.

    `version` is the version before the addition. `reconsidered` has earlier facts whose outcomes may have changed.
    """

    version: int
    settling: Settling[Any]
    reconsidered: Sequence[RegisteredFact] = ()


def resettle(
    transaction: RegisterTransaction,
    cache: IngestSettlingCache,
    added: Mapping[str, Sequence[Fact]],
    still_waiting: Mapping[str, Sequence[RegisteredFact]],
    due: Mapping[str, Set[FactKey]],
    withdrawn: Mapping[str, Set[FactKey]],
) -> Mapping[str, Resettled]:
    """Settle each stream with its added facts.

    `still_waiting` has the voids that stay in these waiting rooms. It is needed because a room's stream also has the
    voids that have left it. `due` has the facts whose clock hold ends, and `withdrawn` those that no longer count, by
    stream: these streams are read completely, because such a fact may have its place before others.
    """
    versions, at_hand = _before(transaction, cache, added)
    resettled: dict[str, Resettled] = {}
    unread: list[str] = []
    for stream, facts in added.items():
        version = versions.get(stream, 0)
        before = at_hand.get(stream)
        if stream in due or stream in withdrawn:
            unread.append(stream)
        elif before is not None and can_be_stepped_on(before, facts):
            step_on(before, facts)
            resettled[stream] = Resettled(version, before)
        elif version == 0 or is_waiting_room(stream):
            waiting = still_waiting.get(stream, ())
            settling = settle_stream(stream, [*(void.fact for void in waiting), *facts], watched=False)
            resettled[stream] = Resettled(version, settling, waiting)
        else:
            unread.append(stream)

    filed = transaction.facts_of(unread) if unread else FiledFacts({}, {})
    read: dict[str, tuple[Settling[Any], Sequence[Fact]]] = {}
    for stream, (event, later) in filed.pruned.items():
        gone = withdrawn.get(stream, frozenset())
        counted = release([fact for fact in later if fact.key not in gone], due.get(stream, frozenset()))
        read[stream] = _held_until_restored(stream, event, [*counted, *added[stream]]), counted
    for stream, earlier in filed.whole.items():
        ended, withdraws = due.get(stream), withdrawn.get(stream)
        if ended or withdraws:
            standing = [fact for fact in earlier if fact.key not in withdraws] if withdraws else earlier
            read[stream] = _settle_anew(stream, release(standing, ended) if ended else standing, added[stream])
        else:
            read[stream] = _settle_read(stream, earlier, added[stream])
    registered = _registered(transaction, {stream: reconsidered for stream, (_, reconsidered) in read.items()})
    for stream, (settling, _) in read.items():
        resettled[stream] = Resettled(versions[stream], settling, registered[stream])
    return resettled


def _before(
    transaction: RegisterTransaction, cache: IngestSettlingCache, streams: Iterable[str]
) -> tuple[dict[str, int], dict[str, Settling[Any]]]:
    """The versions of the existing streams, and the settlings from cache and snapshots.

    The store is queried only for streams whose version the cache does not know.
    """
    versions: dict[str, int] = {}
    at_hand: dict[str, Settling[Any]] = {}
    unknown: list[str] = []
    for stream in streams:
        cached = cache.version_of(stream)
        if cached is None:
            unknown.append(stream)
            continue
        versions[stream] = cached
        settling = cache.take(stream, cached)
        if settling is not None:
            at_hand[stream] = settling
    for stream, (version, snapshot) in transaction.stored(unknown).items():
        versions[stream] = version
        settling = cache.take(stream, version)
        if settling is None and snapshot is not None:
            settling = restore_snapshot(stream, snapshot)
        if settling is not None:
            at_hand[stream] = settling
    return versions, at_hand


def _held_until_restored(stream: str, pruned: StreamPruned, facts: Sequence[Fact]) -> Settling[Any]:
    """What came for a pruned stream: all of it waits, so nothing can be put on top of this."""
    kind, subject_id = split_stream_name(stream)
    assert kind is not None, "only a subject's stream is pruned"
    settling = Settling(kind.decider, kind.decider.initial_state(subject_id), watched=False)
    settling.outcomes = {fact.key: outcome_of_pruned(fact, pruned) for fact in facts}
    settling.waiting = {PRUNED: list(facts)}
    return settling


def _settle_anew(stream: str, earlier: list[Fact], added: Sequence[Fact]) -> tuple[Settling[Any], Sequence[Fact]]:
    """Settle a stream with facts whose clock hold ends, or without withdrawn ones: every verdict may change."""
    return settle_stream(stream, [*earlier, *added], watched=False), earlier


def _settle_read(stream: str, earlier: list[Fact], added: Sequence[Fact]) -> tuple[Settling[Any], Sequence[Fact]]:
    """Settle a stream's earlier facts with the added ones; also returns those whose verdicts may change."""
    # Without voids and in the order of places, settling the earlier facts and continuing gives the same result.
    voids = any(isinstance(fact, MessageVoided) for fact in earlier)
    taken = [sort_key_of(fact) for fact in earlier if fact.held_until is None]
    if voids or not come_after(max(taken, default=None), added):
        return settle_stream(stream, [*earlier, *added], watched=False), earlier
    settling = settle_stream(stream, earlier, watched=False)
    reconsidered = () if can_be_stepped_on(settling, added) else earlier
    step_on(settling, added)
    return settling, reconsidered


def _registered(
    transaction: RegisterTransaction, facts: Mapping[str, Sequence[Fact]]
) -> Mapping[str, list[RegisteredFact]]:
    """Facts by stream, each with its register entry."""
    keys = {
        (stream, fact.key): MessageKey(*fact.key, split_stream_name(stream)[1])
        for stream, filed in facts.items()
        for fact in filed
    }
    registered = transaction.registered(keys.values()) if keys else {}
    return {
        stream: [RegisteredFact(key := keys[stream, fact.key], fact, registered[key]) for fact in filed]
        for stream, filed in facts.items()
    }
