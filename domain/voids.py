"""Voids: which facts are skipped because another message declared them wrong."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

from domain.events import MessageVoided
from domain.fact import Fact, FactKey, sort_key_of
from domain.verdict import Outcome, Verdict


class Weighed(NamedTuple):
    """The facts that still count and those that were voided (both without voids), and the outcomes of all voids and of
    all voided facts.
    """

    standing: list[Fact]
    voided: list[Fact]
    outcomes: dict[FactKey, Outcome]


def weigh_voids(facts: Iterable[Fact]) -> Weighed:
    """Split a subject's facts into those that count and those that were voided.

    A void can be voided like any other message; then the message that it named counts again, unless another void that
    counts names it too. Of several voids of one message that count, the first in place order applies, and the others
    are duplicates of it; a void of the first one makes the second one apply.
    """
    facts = list(facts)
    voids = [fact for fact in facts if type(fact) is MessageVoided]
    if not voids:
        return Weighed(facts, [], {})
    standing = [fact for fact in facts if type(fact) is not MessageVoided]
    known = {fact.key: fact for fact in facts}

    outcomes: dict[FactKey, Outcome] = {}
    counting, ringed = _counting(voids)
    for void in ringed:
        outcomes[void.key] = Outcome(Verdict.REFUSED, "the voids name each other in a ring, so none of them counts")
    first: dict[FactKey, MessageVoided] = {}
    for void in sorted(counting, key=sort_key_of):
        named = known.get(void.names)
        if named is None:
            outcomes[void.key] = Outcome(
                Verdict.HELD, f"message {void.voided_id} of {void.voided_source} is not known yet"
            )
        elif (before := first.setdefault(void.names, void)) is not void:
            outcomes[void.key] = Outcome(
                Verdict.DUPLICATE,
                f"message {void.voided_id} of {void.voided_source} is voided already, "
                f"by message {before.message_id} of {before.source}",
            )
        else:
            outcomes[void.key] = Outcome(Verdict.APPLIED, took_effect_at=named.occurred_at)
            outcomes[named.key] = Outcome(
                Verdict.REFUSED, f"voided by message {void.message_id} of {void.source}: {void.reason}", voided=True
            )
    voided = [fact for fact in standing if fact.key in outcomes]
    return Weighed([fact for fact in standing if fact.key not in outcomes], voided, outcomes)


def _counting(voids: list[MessageVoided]) -> tuple[list[MessageVoided], list[MessageVoided]]:
    """The voids that count, and the remaining ones, which name each other in a circle.

    A void counts unless one that counts names it. It is decided when a void that counts names it, or when all voids
    that name it are decided.
    """
    by_key = {void.key: void for void in voids}
    undecided_namers = Counter(void.names for void in voids)
    overruled: set[FactKey] = set()
    counting: list[MessageVoided] = []
    decided: set[FactKey] = set()
    ready = deque(void for void in voids if not undecided_namers[void.key])
    while ready:
        void = ready.popleft()
        if void.key in decided:
            continue
        decided.add(void.key)
        counts = void.key not in overruled
        if counts:
            counting.append(void)
            overruled.add(void.names)
        undecided_namers[void.names] -= 1
        named = by_key.get(void.names)
        if named is not None and (counts or not undecided_namers[void.names]):
            ready.append(named)
    return counting, [void for void in voids if void.key not in decided]
