"""Answers of executors: groups are settled for one question, and only the rows that its views read are returned.

A page of rows is pickled, as in the processes of a store's questions: it has the rows of all tables at once.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from domain.derived import facts_among
from domain.fact import Fact
from domain.settling import up_to
from domain.streams import is_waiting_room, settle_stream, split_stream_name
from infra.export.arrow_schema import pyarrow
from infra.settled_then.derived import DerivedThen
from infra.settled_then.not_taken import NotTaken, is_untaken
from infra.settled_then.question import SettledPage, SettledQuestion, settled_page
from infra.settled_then.recorded import RecordedThen
from infra.spark.executors.group_history import GroupHistory
from infra.spark.executors.groups import Group, decoded, groups_in
from projections.catalogue import every_projection
from projections.contacts import contacts
from projections.failures import reason_of
from projections.order_states import order_states
from projections.projection import settled_stream
from projections.replacement import Replacement
from projections.table import Row

GROUPS_AT_ONCE = 500
EVENTS_AT_ONCE = 20_000
"""A page ends with the group that reaches one of these."""
ANSWERS = "page binary"
"""The column of what executors return, as Spark writes types."""


class FailedGroup(NamedTuple):
    """A stream that could not be settled: its rows are missing."""

    stream: str
    reason: str


class AnsweredPage(NamedTuple):
    """The rows of some groups; the messages and the malformed claims about their orders; and what failed."""

    settled: SettledPage
    untaken: Sequence[tuple[str, datetime]]
    claims: Sequence[tuple[str, datetime]]
    failed: Sequence[FailedGroup]


class Narrowed(NamedTuple):
    """Which rows the views of a question read, so that others are not returned: a pure condition on a row's fields.

    `tables` are those that are read. Of periods, only those that are in force at `at` (None: those that last) are; of
    orders only open ones, with `open_orders`; of contacts those after `contacts_after`.
    """

    tables: frozenset[str]
    at: datetime | None
    open_orders: bool
    contacts_after: datetime | None

    def rows(self, table: str, rows: Iterable[Row]) -> Iterator[Row]:
        """Those of the rows of a table."""
        if table not in self.tables:
            return
        for row in rows:
            if self._is_in_force(row) and self._is_looked_at(table, row):
                yield row

    def _is_in_force(self, row: Any) -> bool:
        if not hasattr(row, "valid_to"):
            return True
        if self.at is None:
            return row.valid_to is None
        return row.valid_from <= self.at and (row.valid_to is None or row.valid_to > self.at)

    def _is_looked_at(self, table: str, row: Any) -> bool:
        if self.open_orders and table == order_states.name:
            return bool(row.status == "open")
        if self.contacts_after is not None and table == contacts.name:
            return bool(row.contacted_at > self.contacts_after)
        return True


class StandingQuestion(NamedTuple):
    """A question to the facts as they stand, whatever was known when: for these projections, by their names."""

    projections: tuple[str, ...]


Settle = Callable[[Sequence[Group]], AnsweredPage]


def answers_fold(
    question: SettledQuestion | StandingQuestion, narrowed: Narrowed, batches: Iterator[Any]
) -> Iterator[Any]:
    """For `mapInArrow`: the pages of the groups in these batches, one a record batch."""
    arrow = pyarrow()
    settle = _settler(question)
    for groups in _pages(groups_in(batches)):
        page = pickle.dumps(_narrow(_answered(settle, groups), narrowed), pickle.HIGHEST_PROTOCOL)
        yield arrow.record_batch([arrow.array([page], arrow.binary())], ["page"])


def _pages(groups: Iterable[Group]) -> Iterator[list[Group]]:
    page: list[Group] = []
    events = 0
    for group in groups:
        page.append(group)
        events += len(group.own)
        if len(page) >= GROUPS_AT_ONCE or events >= EVENTS_AT_ONCE:
            yield page
            page, events = [], 0
    if page:
        yield page


def _answered(settle: Settle, groups: Sequence[Group]) -> AnsweredPage:
    """The page; if something in it fails, each group alone, so that only those fail that are at fault."""
    # Any error concerns only one group and is reported as such.
    try:
        return settle(groups)
    except Exception as e:
        if len(groups) == 1:
            nothing = SettledPage([], [], NotTaken([], []))
            return AnsweredPage(nothing, [], [], [FailedGroup(groups[0].stream, reason_of(e))])
    pages = [_answered(settle, [group]) for group in groups]
    rows: list[tuple[list[str], dict[str, list[Row]]]] = []
    for page in pages:
        for index, (subjects, found) in enumerate(page.settled.rows):
            if index == len(rows):
                rows.append(([], {}))
            rows[index][0].extend(subjects)
            for table, some in found.items():
                rows[index][1].setdefault(table, []).extend(some)
    matched = [one for page in pages for one in page.settled.matched]
    return AnsweredPage(
        SettledPage(rows, matched, NotTaken([], [])),
        [one for page in pages for one in page.untaken],
        [one for page in pages for one in page.claims],
        [one for page in pages for one in page.failed],
    )


def _narrow(answered: AnsweredPage, narrowed: Narrowed) -> AnsweredPage:
    rows = []
    for _, found in answered.settled.rows:
        kept = {table: some for table, all_rows in found.items() if (some := [*narrowed.rows(table, all_rows)])}
        rows.append((list(dict.fromkeys(row[0] for some in kept.values() for row in some)), kept))
    return answered._replace(settled=SettledPage(rows, answered.settled.matched, NotTaken([], [])))


def _settler(question: SettledQuestion | StandingQuestion) -> Settle:
    if isinstance(question, StandingQuestion):
        named = {projection.name: projection for projection in every_projection()}
        return partial(_as_they_stand, [named[name] for name in question.projections])
    history = GroupHistory()
    recorded = RecordedThen(question.known_at, question.clock_skew)
    return partial(_as_known, question, history, DerivedThen(history, recorded, history, question.up_to))


def _as_known(
    question: SettledQuestion, history: GroupHistory, derived: DerivedThen, groups: Sequence[Group]
) -> AnsweredPage:
    """What was known at the question's instant: the same settling as of a store (infra/settled_then)."""
    failed = [FailedGroup(group.stream, reason) for group in groups for reason in group.failed]
    rooms = [group for group in groups if is_waiting_room(group.stream)]
    claims = [(key, split_stream_name(group.stream)[1], at) for group in groups for key, at in group.claims]
    subjects = [
        group
        for group in groups
        if (group.own or group.placings) and split_stream_name(group.stream)[0] in question.kinds
    ]
    history.hold(subjects)
    streams = {group.stream: facts_among(decoded(group.own)) for group in subjects}
    claimed = None if question.claimed is None else frozenset((key, order_id) for key, order_id, _ in claims)
    page = settled_page(question._replace(claimed=claimed), derived, streams)
    waiting = [one for room in rooms for one in _untaken_of_room(question.known_at, room)]
    superseded = set(page.not_taken.superseded)
    left = [(order_id, at) for key, order_id, at in claims if (key, order_id) not in superseded]
    return AnsweredPage(page, [*page.not_taken.messages, *waiting], left, failed)


def _untaken_of_room(known_at: datetime, room: Group) -> Iterator[tuple[str, datetime]]:
    """The voids that wait in a room, as they were known."""
    known: list[Fact] = up_to(facts_among(decoded(room.own)), recorded=known_at)
    facts = [fact for fact in known if fact.key in room.waiting]
    outcomes = settle_stream(room.stream, facts, watched=False).outcomes
    subject = split_stream_name(room.stream)[1]
    yield from ((subject, fact.occurred_at) for fact in facts if is_untaken(outcomes[fact.key]))


def _as_they_stand(projections: Sequence[Any], groups: Sequence[Group]) -> AnsweredPage:
    """The rows of the facts that stand, with stored derived messages and holds, as the tables of a store have them."""
    replacements = [Replacement(projection) for projection in projections]
    for group in groups:
        settled = settled_stream(group.stream, facts_among(decoded(group.own)))
        if settled is None:
            continue
        for replacement in replacements:
            if replacement.projection.kind is settled.kind:
                replacement.take(settled)
    rows: list[tuple[Sequence[str], Mapping[str, list[Row]]]] = [
        (replacement.subjects, dict(replacement.rows)) for replacement in replacements
    ]
    return AnsweredPage(SettledPage(rows, (), NotTaken([], [])), [], [], [])
