"""Deduplication: recognises redelivered messages by the inbox (the register of all messages).

Subject, source and id are the key of a message. The first message to arrive is kept; any later message with the same
key is a repeat, also within a batch. One query finds the registered messages of a batch. A second query reads the facts
of repeated messages, because the reason of a repeat says whether its content differs.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumers.ingest.register import Arrival, MessageKey, Registered, RegisterTransaction
from consumers.ingest.routing import named_by
from domain.events import MessageVoided
from domain.fact import Fact


class Repeat(NamedTuple):
    """A message that came again, and whether its content differs from the first one.

    None: that is not known, because the first one's event is not in the store any more (domain/pruning.py).
    """

    arrival: Arrival
    differs: bool | None


class Deduplicated(NamedTuple):
    """The new messages of a batch by key, and the repeats, both in the order of arrival."""

    new: Mapping[MessageKey, Arrival]
    repeats: Sequence[Repeat]


def look_up(transaction: RegisterTransaction, arrivals: Sequence[Arrival]) -> Mapping[MessageKey, Registered]:
    """The registered messages among those of a batch and those that its voids name."""
    keys: set[MessageKey] = set()
    for arrival in arrivals:
        key, fact = arrival.key, arrival.fact
        keys.add(key)
        if type(fact) is MessageVoided:
            keys.add(named_by(fact, key.subject))
    return transaction.registered(keys) if keys else {}


def deduplicate(
    transaction: RegisterTransaction, arrivals: Sequence[Arrival], known: Mapping[MessageKey, Registered]
) -> Deduplicated:
    """Split a batch into new messages and repeats; `known` is what `look_up` found."""
    # Fast path: usually the whole batch is new.
    new = {} if known else {arrival.key: arrival for arrival in arrivals}
    if len(new) == len(arrivals):
        return Deduplicated(new, ())
    new = {}
    repeated: list[Arrival] = []
    for arrival in arrivals:
        if arrival.key in known or arrival.key in new:
            repeated.append(arrival)
        else:
            new[arrival.key] = arrival
    originals = _originals(
        transaction, {arrival.key: known[arrival.key] for arrival in repeated if arrival.key in known}
    )
    return Deduplicated(
        new,
        [
            Repeat(
                arrival,
                _differs(arrival.fact, originals[arrival.key] if arrival.key in known else new[arrival.key].fact),
            )
            for arrival in repeated
        ],
    )


def _originals(
    transaction: RegisterTransaction, registered: Mapping[MessageKey, Registered]
) -> Mapping[MessageKey, Fact | None]:
    """The facts of registered messages; None for those whose order was pruned."""
    refs = {key: (one.stream, one.version) for key, one in registered.items()}
    facts = transaction.facts_at(refs.values()) if refs else {}
    return {key: facts.get(ref) for key, ref in refs.items()}


def _differs(fact: Fact, original: Fact | None) -> bool | None:
    if original is None:
        return None
    return not (fact.says_the_same_as(original) and fact.occurred_at == original.occurred_at)


def reason_of(repeat: Repeat) -> str:
    """The reason of the repeat's verdict `duplicate`."""
    if repeat.differs is None:
        return "taken before; the contents are not compared, because its order was pruned"
    return "taken before, with other content; the first to come was kept" if repeat.differs else "taken before"
