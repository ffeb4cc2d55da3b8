"""What a projection is: a name, a version, tables, and how their rows follow from a settled subject.

`rows = shape(settled subject)`: nothing else. The store writes the rows (infra/store/projected/rows.py), so no
projection writes SQL, counts by hand or knows about late messages. Whatever spans subjects is a sum over rows: when a
subject's rows are replaced, what the old ones contributed is taken away and what the new ones do is added, in the same
transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import MetaData, Table

from domain.kind import Kind
from domain.settling import Moment, Settling

metadata = MetaData()
"""All tables that projections keep."""

Row = tuple[Any, ...]


class Settled(NamedTuple):
    """A subject with all its facts settled: what projections are shaped from."""

    kind: Kind
    subject_id: str
    settling: Settling[Any]

    @property
    def moments(self) -> Sequence[Moment]:
        """Every fact that took effect, in order, with how the subject stood then."""
        return self.settling.moments


@dataclass(frozen=True)
class Totals:
    """Sums over those rows of `over` that have no end yet (`valid_to` is null), kept by key in `table`.

    `contribution` gives the key of a row and what it adds to each measure, or None; of the row it sees the columns that
    `looks_at` names, as a mapping.
    """

    table: Table
    over: Table
    looks_at: tuple[str, ...]
    contribution: Callable[[Mapping[str, Any]], tuple[Row, tuple[int, ...]] | None]
    keys: tuple[str, ...]
    measures: tuple[str, ...]


@dataclass(frozen=True)
class Projection:
    """One view's rows. `shape` yields for each table the rows of one settled subject, in the order of the columns.

    Every table's first column is the subject's id. A change of the rows' meaning takes a new `version`.
    """

    name: str
    version: int
    kind: Kind
    tables: tuple[Table, ...]
    shape: Callable[[Settled], Mapping[str, Iterable[Row]]]
    totals: tuple[Totals, ...] = ()


class Period(NamedTuple):
    """What held from one instant up to, but not including, another (None: still holds)."""

    summary: Any
    valid_from: datetime
    valid_to: datetime | None


@dataclass
class _Open:
    summary: Any = None
    since: datetime | None = None
    closed: list[Period] = field(default_factory=list)


def periods(moments: Iterable[tuple[datetime, Any]]) -> list[Period]:
    """The periods between moments at which what is seen changed. None means that there is nothing to see."""
    found = _Open()
    for at, summary in _last_of_each_instant(moments):
        if summary == found.summary:
            continue
        if found.summary is not None and found.since is not None:
            found.closed.append(Period(found.summary, found.since, at))
        found.summary, found.since = summary, at
    if found.summary is not None and found.since is not None:
        found.closed.append(Period(found.summary, found.since, None))
    return found.closed


def _last_of_each_instant(moments: Iterable[tuple[datetime, Any]]) -> Iterable[tuple[datetime, Any]]:
    latest: tuple[datetime, Any] | None = None
    for moment in moments:
        if latest is not None and moment[0] != latest[0]:
            yield latest
        latest = moment
    if latest is not None:
        yield latest
