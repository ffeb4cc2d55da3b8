"""A projection: a name, a version, tables, and a function from a settled subject to rows.

`rows = shape(settled subject)`. The store writes the rows (infra/store/projected/rows.py), so no projection writes SQL,
counts by hand or handles late messages. A total over several subjects is a sum over rows: when a subject's rows are
replaced, the old contributions are subtracted and the new ones added in the same transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from domain.fact import Fact
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


def settled_stream(stream: str, facts: list[Fact]) -> Settled | None:
    """A stream's subject with its facts settled; None for a stream without a subject."""
    kind, subject_id = split_stream_name(stream)
    return None if kind is None else Settled(kind, subject_id, settle_stream(stream, facts))


@dataclass(frozen=True)
class Projection:
    """One view's rows. `shape` yields for each table, by its name, the rows of one settled subject.

    Every table's first column is the subject's id. If the meaning of the rows changes, raise `version`.
    """

    name: str
    version: int
    kind: Kind
    tables: tuple[RowTable[Any], ...]
    shape: Callable[[Settled], Mapping[str, Iterable[Row]]]
    totals: tuple[Totals, ...] = ()


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
