"""A kind of subject: everything that the rest of the code needs to know about orders, reps, accounts, …"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.aggregate import SubjectAggregate
from domain.fact import Fact
from domain.settling import Decider


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of subject. Each kind is defined in its own package and listed in `domain.kinds`.

    `prefix` begins the names of its streams. `facts` are the event classes stored there, except voids. `state` is the
    type of the decider's state, which a snapshot holds. `aggregate` is the kind's aggregate class; it is called with
    the subject's id and the decider.
    """

    prefix: str
    decider: Decider[Any]
    state: type[Any]
    facts: tuple[type[Fact], ...]
    aggregate: Callable[..., SubjectAggregate]

    def __str__(self) -> str:
        return self.prefix

    def __repr__(self) -> str:
        return f"Kind({self.prefix})"
