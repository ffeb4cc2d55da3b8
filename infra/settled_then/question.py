"""Settled then: streams settled again for one question, from what was recorded by an instant, page by page.

It needs nothing but the stored events, so several processes can do it, each for some of the streams.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from domain.fact import Fact, FactKey
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.settling import up_to
from infra.settled_then.derived import DerivedThen, MatchedScan
from infra.settled_then.history import PastHistory
from infra.settled_then.not_taken import NotTaken
from projections.catalogue import every_projection
from projections.projection import Projection, settled_stream
from projections.replacement import Replacement
from projections.table import Row

SUBJECTS_AT_ONCE = 500


class SettledQuestion(NamedTuple):
    """What is settled again: by which clocks, up to which position, and for which projections (their names).

    `claimed` are the orders' messages that malformed ones claim to be; None if nobody asks what was not taken.
    """

    projections: tuple[str, ...]
    as_of: datetime | None
    known_at: datetime
    clock_skew: timedelta
    zone: str
    now: datetime
    up_to: int
    only_lasting: bool
    matches_scans: bool
    claimed: frozenset[tuple[FactKey, str]] | None

    @property
    def kinds(self) -> Collection[Kind]:
        """The kinds of the streams that are settled."""
        return {projection.kind for projection in self._projections()} | ({ORDER} if self.matches_scans else set())

    def derived(self, history: PastHistory) -> DerivedThen:
        """Finds the derived messages that followed then."""
        return DerivedThen.at(history, self.known_at, self.clock_skew, self.zone, self.now, self.up_to)

    def replacements(self) -> list[Replacement]:
        return [Replacement(projection) for projection in self._projections()]

    def _projections(self) -> list[Projection]:
        named = {projection.name: projection for projection in every_projection()}
        return [named[name] for name in self.projections]


class SettledPage(NamedTuple):
    """Some settled subjects: for each projection of the question their ids and rows; which scans their orders had been
    told of, and what was not taken of these."""

    rows: Sequence[tuple[Sequence[str], Mapping[str, list[Row]]]]
    matched: Sequence[MatchedScan]
    not_taken: NotTaken


def settled_pages(
    question: SettledQuestion, derived: DerivedThen, streams: Iterator[tuple[str, list[Fact]]]
) -> Iterator[SettledPage]:
    """These streams, settled; memory holds one page."""
    while some := dict(islice(streams, SUBJECTS_AT_ONCE)):
        yield settled_page(question, derived, some)


def settled_page(question: SettledQuestion, derived: DerivedThen, streams: Mapping[str, list[Fact]]) -> SettledPage:
    """These streams, settled together."""
    replacements = question.replacements()
    not_taken = NotTaken([], [])
    then_known = derived.known(streams)
    for stream, known in then_known.streams.items():
        settled = settled_stream(stream, up_to(known, question.as_of))
        assert settled is not None, "a kind of subject has no waiting rooms"
        if question.claimed is not None:
            then = settled if question.as_of is None else settled_stream(stream, known)
            assert then is not None
            not_taken.look_at(then, known, question.claimed)
        for replacement in replacements:
            if replacement.projection.kind is settled.kind:
                replacement.take(settled, only_lasting=question.only_lasting)
    rows = [(replacement.subjects, dict(replacement.rows)) for replacement in replacements]
    return SettledPage(rows, then_known.matched, not_taken)
