"""A projection: a name, a version, tables, and a function from a settled subject to rows.

`rows = shape(settled subject)`. The store writes the rows (infra/store/projected/rows.py), so no projection writes SQL,
counts by hand or handles late messages. A total over several subjects is a sum over rows: when a subject's rows are
replaced, the old contributions are subtracted and the new ones added in the same transaction.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.kind import Kind
from domain.settling import Moment, Settling
from domain.streams import settle_stream, split_stream_name
from projections.table import Row, RowTable
from projections.totals import Totals

F = TypeVar("F", bound=Fact)


class Settled(NamedTuple):
    """A subject with all its facts settled, the input of `shape`."""

    kind: Kind
    subject_id: str
    settling: Settling[Any]

    @property
    def moments(self) -> Sequence[Moment]:
        """Every fact that took effect, in order, with the subject's state then."""
        return self.settling.moments

    def all_of(self, fact_type: type[F]) -> Iterator[tuple[F, bool]]:
        """Every fact of this type that was settled, voided ones too, and whether it took effect."""
        took_effect = {fact.key: fact for _, fact, _ in self.moments if isinstance(fact, fact_type)}
        yield from ((fact, True) for fact in took_effect.values())
        for key, fact in self.settling.without_effect.items():
            if isinstance(fact, fact_type) and key not in took_effect:
                yield fact, False


class Known(NamedTuple):
    """What became known of a subject at an instant (UTC).

    `facts` count from then on, each instead of an earlier one with its key; those with the keys in `gone` no longer do.
    """

    at: datetime
    facts: Sequence[Fact]
    gone: Collection[FactKey] = ()


class Believed(NamedTuple):
    """A subject with all that was ever known of it, the input of `shape` of a bitemporal projection.

    `known` gives what became known, in the order of time. `waiting` are the voids that still wait for a message of the
    subject. `follows_from` has the streams besides its own from which this follows.
    """

    kind: Kind
    subject_id: str
    known: Callable[[], Iterator[Known]]
    waiting: Sequence[MessageVoided] = ()
    follows_from: Collection[str] = ()


Shapable = Settling[Any] | Believed
"""What rows are shaped from: a settling, or for bitemporal projections all that was ever known."""


def settled_stream(stream: str, facts: list[Fact]) -> Settled | None:
    """A stream's subject with its facts settled; None for a stream without a subject."""
    kind, subject_id = split_stream_name(stream)
    return None if kind is None else Settled(kind, subject_id, settle_stream(stream, facts))


@dataclass(frozen=True)
class Projection:
    """One view's rows. `shape` yields for each table, by its name, the rows of one settled subject.

    Every table's first column is the subject's id. If the meaning of the rows changes, raise `version`.

    `shape` of a bitemporal projection gets a `Believed` subject. Its rows follow from several streams; a rebuild reads
    those of `further_kinds` too.
    """

    name: str
    version: int
    kind: Kind
    tables: tuple[RowTable[Any], ...]
    shape: Callable[[Any], Mapping[str, Iterable[Row]]]
    totals: tuple[Totals, ...] = ()
    bitemporal: bool = False
    further_kinds: tuple[Kind, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of the streams from which a rebuild fills it."""
        return (self.kind, *self.further_kinds)


Period = tuple[Any, datetime, datetime | None]
"""A state and its period: from an instant up to, but not including, another (None: it lasts)."""


def periods(moments: Iterable[tuple[datetime, Any]]) -> list[Period]:
    """The periods between moments at which the state changed; at one instant, the last moment counts.

    None means that there is no state to show.
    """
    found: list[Period] = []
    seen: Any = None
    since: datetime | None = None
    latest: Any = None
    at: datetime | None = None
    for moment, summary in moments:
        if at is not None and moment != at and latest != seen:
            if since is not None and seen is not None:
                found.append((seen, since, at))
            seen, since = latest, at
        at, latest = moment, summary
    if at is not None and latest != seen:
        if since is not None and seen is not None:
            found.append((seen, since, at))
        seen, since = latest, at
    if since is not None and seen is not None:
        found.append((seen, since, None))
    return found
