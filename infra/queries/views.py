"""Queries of views: as of an instant from the stored tables, and known at an instant by settling the facts again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select

from infra.queries.believed import answering_beliefs, believed_question
from infra.queries.in_processes import InProcesses, in_one_process
from infra.queries.known_at import scratch_of
from infra.queries.streamed import Streamed
from infra.queries.untaken import UntakenThen
from infra.store.business_months import expect_business_months
from infra.store.engine import snapshot
from infra.store.events.history import History
from infra.store.projected.serving import NotFilledError, answering
from infra.store.projected.unreadable import unreadable_row
from infra.store.pruned import PrunedOrdersError
from projections.projection import Projection
from projections.views.as_of import UTC_ZONE, AsOf
from projections.views.beliefs import can_be_believed
from projections.views.business_months import reads_business_months
from projections.views.catalogue import View
from projections.views.columns import UnreadableValueError

SECONDS_BETWEEN_LOOKS = 0.05


class Projected(Protocol):
    """What is answered from projections, such as a view."""

    @property
    def projections(self) -> Sequence[Projection]: ...


@dataclass(frozen=True)
class Asked:
    """The clocks of a query: what was true at `as_of`, by what was known at `known_at` (UTC; None: no limit)."""

    as_of: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """Rows in the order of the view, each a mapping of column to value, and the position that they reflect."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    position: int
    instant: datetime
    total: int | None
    """The number of all rows, of which `rows` are the first; None if they were not counted."""


@dataclass(frozen=True)
class Reading:
    """Several queries answered from one snapshot, while it is open.

    `as_of` is the instant as the queries need it, and `instant` the same for people (UTC).
    """

    connection: Connection
    as_of: AsOf
    instant: datetime
    position: int
    over: Callable[[Select[Any]], Select[Any]]
    """The query on the tables that answer."""

    def rows(self, question: Select[Any]) -> Sequence[Any]:
        return self.connection.execute(self.over(question)).all()

    def dicts(self, question: Select[Any]) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self.connection.execute(self.over(question)).mappings()]


class Views:
    """Runs queries of views; months are those of `zone`, an IANA name."""

    def __init__(
        self,
        engine: Engine,
        history: History,
        clock: Callable[[], datetime],
        clock_skew: timedelta,
        zone: str = UTC_ZONE,
        in_processes: InProcesses = in_one_process,
    ):
        self._engine = engine
        self._history = history
        self._clock = clock
        self._clock_skew = clock_skew
        self._zone = zone
        self._in_processes = in_processes

    def ask(
        self,
        view: View,
        asked: Asked,
        filters: Mapping[str, str] | None = None,
        limit: int | None = None,
        *,
        counted: bool = False,
    ) -> Answer:
        """Answer by these clocks, with the first `limit` rows or all; with `counted`, also count all rows.

        `filters` selects rows with these values, such as {"rep_id": "rep-7"}.
        """
        with self.stream(view, asked, filters) as answer:
            return answer_of(answer, limit, counted=counted)

    @contextmanager
    def stream(
        self,
        view: View,
        asked: Asked,
        filters: Mapping[str, str] | None = None,
        *,
        now: datetime | None = None,
    ) -> Iterator[Streamed]:
        """The same answer, read row by row. Its question can be narrowed before it is read.

        `now` is the T of a question without `as_of`, if not the clock: so the pages of one answer have one T.
        """
        clock = self._clock()
        instant = asked.as_of or now or clock
        if asked.known_at is None:
            as_of = AsOf.at(instant, present=asked.as_of is None, zone=self._zone)
            question = question_of(view, as_of, filters)
            with snapshot(self._engine) as connection:
                if reads_business_months(question):
                    expect_business_months(connection, self._zone)
                answers = answering(connection, view.projections)
                try:
                    yield Streamed(connection, answers.over(question), answers.position, instant)
                except UnreadableValueError as e:
                    raise unreadable_row(connection, view.projections, e) from e
            return
        if can_be_believed(view) and asked.known_at <= clock:
            with snapshot(self._engine) as connection:
                beliefs = answering_beliefs(connection, self._history, clock)
                if beliefs is not None:
                    as_of = AsOf.at(instant, present=asked.as_of is None, zone=self._zone)
                    question = believed_question(beliefs, question_of(view, as_of, filters), asked.known_at)
                    try:
                        yield Streamed(connection, question, beliefs.position, instant)
                    except UnreadableValueError as e:
                        raise unreadable_row(connection, beliefs.projections, e) from e
                    return
        settled = self._settled(
            view.projections,
            asked,
            asked.known_at,
            clock,
            only_lasting=not view.tells_all_periods or asked.as_of is not None,
            counts_untaken=view.counts_untaken,
            matches_scans=view.matches_scans,
        )
        try:
            with settled as (connection, position):
                question = question_of(view, AsOf.at(instant, present=True, zone=self._zone), filters)
                yield Streamed(connection, question, position, instant)
        except PrunedOrdersError as e:
            clocks = (("as-of", asked.as_of), ("known-at", asked.known_at))
            given = (f"--{clock} {at.astimezone(UTC).isoformat()}" for clock, at in clocks if at is not None)
            raise e.asking(" ".join((view.command, *given)).replace("+00:00", "Z")) from e

    @contextmanager
    def reading(
        self,
        asked: Asked,
        projections: Sequence[Projection],
        *,
        all_periods: bool = False,
        counts_untaken: bool = False,
    ) -> Iterator[Reading]:
        """One snapshot by these clocks for several queries of these projections.

        With `all_periods`, the queries may also look at what was before `as_of`; with `counts_untaken`, at the messages
        that were not taken.
        """
        clock = self._clock()
        instant = asked.as_of or clock
        if asked.known_at is None:
            as_of = AsOf.at(instant, present=asked.as_of is None, zone=self._zone)
            with snapshot(self._engine) as connection:
                answers = answering(connection, projections)
                try:
                    yield Reading(connection, as_of, instant, answers.position, answers.over)
                except UnreadableValueError as e:
                    raise unreadable_row(connection, projections, e) from e
            return
        settled = self._settled(
            projections, asked, asked.known_at, clock, only_lasting=not all_periods, counts_untaken=counts_untaken
        )
        with settled as (connection, position):
            present = AsOf.at(instant, present=not all_periods, zone=self._zone)
            yield Reading(connection, present, instant, position, lambda question: question)

    @contextmanager
    def _settled(
        self,
        projections: Sequence[Projection],
        asked: Asked,
        known_at: datetime,
        clock: datetime,
        *,
        only_lasting: bool,
        counts_untaken: bool,
        matches_scans: bool = False,
    ) -> Iterator[tuple[Connection, int]]:
        """A connection to what was known at `known_at`, and the position of the newest event that was read for it."""
        with snapshot(self._engine) as connection:
            history = self._history.within(connection)
            head = history.head()
            untaken = UntakenThen(connection, history, known_at) if counts_untaken else None
        with (
            scratch_of(
                self._history,
                projections,
                asked.as_of,
                known_at,
                self._clock_skew,
                self._zone,
                clock,
                up_to=head,
                only_lasting=only_lasting,
                untaken=untaken,
                matches_scans=matches_scans,
                in_processes=self._in_processes,
            ) as scratch,
            scratch.connect() as then,
        ):
            yield then, head

    def wait_for(self, view: Projected, position: int, patience: timedelta) -> None:
        """Wait until the view reflects a position, such as that of the caller's message.

        Raises NotYetReflectedError if it is not reached in time.
        """
        give_up = monotonic() + patience.total_seconds()
        while (reached := self.reflected(view)) < position:
            if monotonic() >= give_up:
                raise self.not_reflected(reached, position, patience)
            sleep(SECONDS_BETWEEN_LOOKS)

    def not_reflected(self, reached: int, position: int, patience: timedelta) -> "NotYetReflectedError":
        """The error of who waited so long for a position."""
        return NotYetReflectedError(
            f"after {patience.total_seconds():g} s the view reflects position {reached}, not yet {position}; "
            f"the newest event is at {self._history.head()}. Does waybill project run?"
        )

    def reflected(self, view: Projected) -> int:
        """The position that the view reflects now; 0 before it was ever filled."""
        try:
            with self._engine.connect() as connection:
                return answering(connection, view.projections).position
        except NotFilledError:
            return 0


class NotYetReflectedError(Exception):
    """A view does not reflect the expected position; the message says why."""


def answer_of(answer: Streamed, limit: int | None = None, *, counted: bool = False) -> Answer:
    """The first `limit` rows of a streamed answer, or all; with `counted`, also the number of all rows."""
    result = answer.connection.execute(answer.question.limit(limit))
    columns = list(result.keys())
    rows = [dict(row) for row in result.mappings()]
    whole = limit is None or len(rows) < limit
    total = len(rows) if whole else answer.count() if counted else None
    return Answer(columns, rows, answer.position, answer.instant, total)


def question_of(view: View, as_of: AsOf, filters: Mapping[str, str] | None) -> Select[Any]:
    """The query of a view; `filters` selects rows with these values."""
    question = view.question(as_of)
    for column, value in (filters or {}).items():
        question = question.where(question.selected_columns[column] == value)
    return question
