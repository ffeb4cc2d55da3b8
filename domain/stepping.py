"""Stepping: new facts on top of a settling. The usual message is the newest of its subject, and nothing waits.

Then the result is the same as settling all facts again. All other cases (a late message, a void, a waiting fact) need
all facts of the stream.
"""

from collections.abc import Sequence
from typing import Any

from domain.events import MessageVoided
from domain.fact import Fact, SortKey, sort_key_of
from domain.settling import Settling


def can_be_stepped_on(settling: Settling[Any], facts: Sequence[Fact] = ()) -> bool:
    """Whether these facts can go on top, with the result of settling all facts again and no changed earlier verdict.

    All of these must hold. Without facts, it says whether any facts can go on top, by 1 and 2.

    1. Nothing waits: a new fact could wake it.
    2. Neither the stream nor the new facts have a void: a void counts from the beginning.
    3. The places of the new facts come after all facts taken.
    4. If a new fact is of the last instant, nothing was forbidden at it: it might now be allowed.
    """
    if settling.waiting or settling.has_voids or not come_after(settling.last_sort_key, facts):
        return False
    if not settling.forbidden and not settling.forgot_forbidden:
        return True
    return all(fact.occurred_at != settling.instant for fact in facts)


def come_after(last_sort_key: SortKey | None, facts: Sequence[Fact]) -> bool:
    """Whether none of these facts is a void, and all have their places after the last one so far (None: no fact)."""
    for fact in facts:
        if type(fact) is MessageVoided:
            return False
        if last_sort_key is not None and sort_key_of(fact) <= last_sort_key and fact.held_until is None:
            return False
    return True


def step_on(settling: Settling[Any], facts: Sequence[Fact]) -> None:
    """Take new facts on top; facts that the clock holds are ignored."""
    settling.take_all(sorted(facts, key=sort_key_of) if len(facts) > 1 else facts)
