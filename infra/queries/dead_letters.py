"""Dead letters and held messages: which messages were not taken, and why."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    Table,
    Text,
    and_,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    union_all,
)

from consumers.sources.source import READ_AGAIN
from domain.verdict import Verdict
from infra.store.register.dead import is_dead, still_waits
from infra.store.register.set_aside import is_open_malformed, is_set_aside, malformed_set_aside_at, set_aside_at
from infra.store.register.tables import AMONG_NOT_APPLIED, feeds, malformed_messages, messages
from projections.views.as_of import AsOf
from projections.views.columns import Instant

DEAD_LETTERS_DESCRIPTION = "Messages that were not taken: malformed, refused, or held for too long."
DEAD_LETTERS_COLUMN_DOCS = {
    "letter_id": "Names the letter: waybill dead-letters show LETTER_ID.",
    "verdict": "malformed, refused or held (for too long).",
    "reason": "Why it was not taken.",
    "subject": "The id of what the message is about; of a malformed one, as for type, source and id, what it claims.",
    "type": "The message's type.",
    "source": "Who sent it.",
    "id": "The message's id.",
    "topic": "The topic, or the file, from which it came first.",
    "partition": "The partition of that topic.",
    "offset": "Its offset there, or its line, counted from 0.",
    "seen_at": "When it was recorded.",
    "discarded_at": "When it was set aside: discarded, voided (from the start), or superseded by the right message. "
    "Null: it waits for somebody.",
}


class DeadVerdict(StrEnum):
    """The verdicts of dead letters."""

    MALFORMED = "malformed"
    REFUSED = "refused"
    HELD = "held"


class UntakenMessage(NamedTuple):
    """A dead letter or a held message; DEAD_LETTERS_COLUMN_DOCS says what each field means."""

    letter_id: str
    verdict: str
    reason: str
    subject: str | None
    type: str | None
    source: str | None
    id: str | None
    topic: str
    partition: int
    offset: int
    seen_at: datetime
    discarded_at: datetime | None


class DeadLetterFilter(NamedTuple):
    """Which dead letters are asked for; None asks for all.

    `reason` is a part of the reason, in upper or lower case. `since` and `until` (not included) are about `seen_at`. Of
    a malformed message, the subject, source and type that it claims count.
    """

    subject: str | None = None
    source: str | None = None
    type: str | None = None
    reason: str | None = None
    topic: str | None = None
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def applied_to(self, question: Select[Any]) -> Select[Any]:
        """The question about these alone."""
        columns = question.selected_columns
        for name in ("subject", "source", "type", "topic", "verdict"):
            if (wanted := getattr(self, name)) is not None:
                question = question.where(columns[name] == wanted)
        if self.reason is not None:
            question = question.where(columns["reason"].icontains(self.reason, autoescape=True))
        if self.since is not None:
            question = question.where(columns["seen_at"] >= self.since)
        if self.until is not None:
            question = question.where(columns["seen_at"] < self.until)
        return question

    def before(self, end: datetime | None) -> "DeadLetterFilter":
        """Those of these that were seen before an instant, too."""
        ends = [each for each in (self.until, end) if each is not None]
        return self._replace(until=min(ends, default=None))


EVERY_LETTER = DeadLetterFilter()


class AlikeLetters(NamedTuple):
    """How many letters have the same `values` in some fields, when the newest was seen, and the oldest of them."""

    values: tuple[str | None, ...]
    letters: int
    newest: datetime
    oldest: datetime
    letter_id: str
    reason: str


class UntakenCounts(NamedTuple):
    """How many messages are dead, how many of those are set aside (see `SetAside`), and how many wait."""

    dead: int
    set_aside: int
    waiting: int


class DeadCounts(NamedTuple):
    """How many dead letters there are, and how many of them are set aside."""

    dead: int
    set_aside: int


COLUMNS = UntakenMessage._fields
LETTERS_AT_ONCE = 500
_AMONG_NOT_APPLIED = text(AMONG_NOT_APPLIED)


def dead_letters(as_of: AsOf, hold: timedelta) -> Select[Any]:
    """Dead letters seen by T, the oldest first, those set aside too; `hold` is how long a message may be held."""
    seen = union_all(_well_formed(is_dead(as_of.shifted(-hold))), _malformed()).subquery("seen")
    letter = seen.c
    return (
        select(*(letter[name] for name in COLUMNS[:-1]), _by(as_of, letter.discarded_at).label("discarded_at"))
        .where(letter.seen_at <= as_of.instant)
        .order_by(letter.seen_at, letter.letter_id)
    )


def held(as_of: AsOf, hold: timedelta) -> Select[Any]:
    """Messages that wait at T for what they name, and have not waited too long; the longest waiting first."""
    waiting = _well_formed(still_waits(as_of.shifted(-hold))).subquery("waiting")
    return select(*(waiting.c[name] for name in COLUMNS)).order_by(waiting.c.seen_at, waiting.c.letter_id)


class DeadLetters:
    """Reads the malformed, the refused and those held too long, and what is held."""

    def __init__(self, engine: Engine, hold: timedelta):
        self._engine = engine
        self._hold = hold

    def dead(
        self,
        now: datetime,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        *,
        discarded: bool = False,
        wanted: DeadLetterFilter = EVERY_LETTER,
        most: int | None = None,
        after: tuple[datetime, str] | None = None,
    ) -> list[UntakenMessage]:
        """Dead letters seen by both clocks, the oldest first, `most` or all; with `discarded`, those set aside too.

        With `after`, the `seen_at` and `letter_id` of a letter, only those that come after it. A voided message counts
        as discarded from the moment at which it was seen, a superseded one since the right message was recorded.
        """
        question = self._dead(now, as_of, known_at, discarded, wanted)
        if after is not None:
            seen_at, letter_id = (question.selected_columns[name] for name in ("seen_at", "letter_id"))
            same_instant = (seen_at == literal(after[0], Instant())) & (letter_id > after[1])
            question = question.where((seen_at > literal(after[0], Instant())) | same_instant)
        return self._rows(question.limit(most))

    def held(
        self, now: datetime, wanted: DeadLetterFilter = EVERY_LETTER, *, most: int | None = None
    ) -> list[UntakenMessage]:
        """Messages that wait for what they name, the longest waiting first; those that waited too long are dead."""
        return self._rows(wanted.applied_to(held(AsOf.at(now), self._hold)).limit(most))

    def waiting_among(self, now: datetime, letter_ids: Sequence[str]) -> set[str]:
        """Which of these are held and wait."""
        found: set[str] = set()
        for start in range(0, len(letter_ids), LETTERS_AT_ONCE):
            question = held(AsOf.at(now), self._hold)
            some = question.selected_columns["letter_id"].in_(letter_ids[start : start + LETTERS_AT_ONCE])
            found |= {letter.letter_id for letter in self._rows(question.where(some))}
        return found

    def alike_dead(
        self,
        by: Sequence[str],
        now: datetime,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        *,
        discarded: bool = False,
        wanted: DeadLetterFilter = EVERY_LETTER,
    ) -> list[AlikeLetters]:
        """What `dead` would return, counted by these fields."""
        return self._alike(self._dead(now, as_of, known_at, discarded, wanted), by)

    def alike_held(
        self, by: Sequence[str], now: datetime, wanted: DeadLetterFilter = EVERY_LETTER
    ) -> list[AlikeLetters]:
        """What `held` would return, counted by these fields."""
        return self._alike(wanted.applied_to(held(AsOf.at(now), self._hold)), by)

    def count_held(self, now: datetime, wanted: DeadLetterFilter = EVERY_LETTER) -> int:
        """How many messages `held` would return."""
        waiting = wanted.applied_to(held(AsOf.at(now), self._hold)).order_by(None).subquery()
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(waiting)).scalar_one())

    def set_aside(
        self,
        now: datetime,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        *,
        wanted: DeadLetterFilter = EVERY_LETTER,
    ) -> int:
        """How many dead letters `dead` leaves out unless asked for the discarded ones."""
        return self.counts(now, as_of, known_at, wanted=wanted).set_aside

    def counts(
        self,
        now: datetime,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        *,
        wanted: DeadLetterFilter = EVERY_LETTER,
    ) -> DeadCounts:
        """How many dead letters there are, and how many of them are set aside."""
        letters = wanted.applied_to(self._question(now, as_of, known_at)).order_by(None).subquery().c
        counted = select(func.count(letters.letter_id), func.count(letters.discarded_at))
        with self._engine.connect() as connection:
            return DeadCounts(*map(int, connection.execute(counted).one()))

    def counts_of_feeds(self, feed_ids: Collection[int], now: datetime) -> UntakenCounts:
        """Of the messages that these feeds brought, or were the last to bring again: how many were not taken."""
        limit = now - self._hold
        dead = select(func.count(), func.count(case((is_set_aside(), 1)))).where(
            is_dead(limit), _of_feeds(messages, feed_ids)
        )
        malformed = _count_malformed().where(_of_feeds(malformed_messages, feed_ids))
        waiting = select(func.count()).where(still_waits(limit), _of_feeds(messages, feed_ids))
        with self._engine.connect() as connection:
            refused, refused_aside = connection.execute(dead).one()
            unread, unread_aside = connection.execute(malformed).one()
            waits = connection.execute(waiting).scalar_one()
        return UntakenCounts(int(refused) + int(unread), int(refused_aside) + int(unread_aside), int(waits))

    def claiming(self, source: str, message_id: str) -> list[str]:
        """The letter ids of malformed messages that claim this source and id, the oldest first."""
        malformed = malformed_messages.c
        question = (
            select(malformed.letter_id)
            .where(malformed.claimed_source == source, malformed.claimed_id == message_id)
            .order_by(malformed.received_at, malformed.letter_id)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(question).scalars())

    def malformed(self) -> UntakenCounts:
        """How many malformed messages are kept."""
        with self._engine.connect() as connection:
            dead, aside = connection.execute(_count_malformed()).one()
        return UntakenCounts(int(dead), int(aside), 0)

    def _question(self, now: datetime, as_of: datetime | None, known_at: datetime | None) -> Select[Any]:
        limit = min((clock for clock in (as_of, known_at) if clock is not None), default=now)
        return dead_letters(AsOf.at(limit), self._hold)

    def find(self, beginning: str, most: int) -> list[UntakenMessage]:
        """The dead letters, set aside or not, and the held messages whose ids begin so; at most `most`.

        A whole id is looked up in an index, and finds that one alone.
        """
        if found := self.by_ids([beginning]):
            return found
        well_formed = _well_formed(
            and_(_AMONG_NOT_APPLIED, messages.c.letter_id.startswith(beginning, autoescape=True))
        )
        malformed = _malformed().where(malformed_messages.c.letter_id.startswith(beginning, autoescape=True))
        return [*self._rows(well_formed.limit(most)), *self._rows(malformed.limit(most))][:most]

    def by_ids(self, letter_ids: Sequence[str]) -> list[UntakenMessage]:
        """Those of these that exist, set aside or not, dead or held, in the order of these ids."""
        found: dict[str, UntakenMessage] = {}
        for start in range(0, len(letter_ids), LETTERS_AT_ONCE):
            some = letter_ids[start : start + LETTERS_AT_ONCE]
            well_formed = _well_formed(and_(_AMONG_NOT_APPLIED, messages.c.letter_id.in_(some)))
            malformed = _malformed().where(malformed_messages.c.letter_id.in_(some))
            found |= {row.letter_id: row for row in (*self._rows(well_formed), *self._rows(malformed))}
        return [found[letter_id] for letter_id in dict.fromkeys(letter_ids) if letter_id in found]

    def _dead(
        self,
        now: datetime,
        as_of: datetime | None,
        known_at: datetime | None,
        discarded: bool,
        wanted: DeadLetterFilter,
    ) -> Select[Any]:
        question = wanted.applied_to(self._question(now, as_of, known_at))
        return question if discarded else question.where(question.selected_columns["discarded_at"].is_(None))

    def _alike(self, question: Select[Any], by: Sequence[str]) -> list[AlikeLetters]:
        letter = question.order_by(None).subquery().c
        alike = [letter[name] for name in by]
        place = func.row_number().over(partition_by=alike, order_by=(letter.seen_at, letter.letter_id))
        counted = select(
            *(column.label(f"value_{number}") for number, column in enumerate(alike)),
            func.count().over(partition_by=alike).label("letters"),
            func.max(letter.seen_at).over(partition_by=alike).label("newest"),
            letter.seen_at,
            letter.letter_id,
            letter.reason,
            place.label("place"),
        ).subquery()
        oldest = select(*list(counted.c)[:-1]).where(counted.c.place == 1)
        with self._engine.connect() as connection:
            found = connection.execute(oldest.order_by(counted.c.seen_at, counted.c.letter_id)).all()
        return [AlikeLetters(tuple(row[: len(by)]), *row[len(by) :]) for row in found]

    def _rows(self, question: Select[Any]) -> list[UntakenMessage]:
        with self._engine.connect() as connection:
            return [UntakenMessage._make(row) for row in connection.execute(question)]


def _of_feeds(table: Table, feed_ids: Collection[int]) -> ColumnElement[bool]:
    return or_(table.c.feed_id.in_(feed_ids), table.c.last_feed_id.in_(feed_ids))


def _count_malformed() -> Select[Any]:
    """How many malformed messages are kept, and how many of them are set aside."""
    counts: list[Any] = [func.count(), func.count(case((not_(is_open_malformed()), 1)))]
    return select(*counts).select_from(malformed_messages)


def _by(as_of: AsOf, instant: ColumnElement[Any]) -> ColumnElement[Any]:
    """What had happened by T; null when it happened later."""
    return case((instant <= as_of.instant, instant))


def _well_formed(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            messages.c.letter_id,
            messages.c.verdict,
            messages.c.reason,
            messages.c.subject,
            messages.c.type,
            messages.c.source,
            messages.c.message_id.label("id"),
            topic_of_feed(),
            feeds.c.partition,
            messages.c.offset,
            messages.c.recorded_at.label("seen_at"),
            set_aside_at().label("discarded_at"),
        )
        .join_from(messages, feeds, messages.c.feed_id == feeds.c.feed_id)
        .where(which)
    )


def topic_of_feed() -> ColumnElement[str]:
    """The topic's own name, also for what came when its past was read again."""
    read_again = feeds.c.topic.startswith(READ_AGAIN)
    return case((read_again, func.substr(feeds.c.topic, len(READ_AGAIN) + 1)), else_=feeds.c.topic).label("topic")


def _malformed() -> Select[Any]:
    return select(
        malformed_messages.c.letter_id,
        literal(Verdict.MALFORMED.value, Text).label("verdict"),
        malformed_messages.c.reason,
        *(malformed_messages.c[f"claimed_{name}"].label(name) for name in ("subject", "type", "source", "id")),
        topic_of_feed(),
        feeds.c.partition,
        malformed_messages.c.offset,
        malformed_messages.c.received_at.label("seen_at"),
        malformed_set_aside_at().label("discarded_at"),
    ).join_from(malformed_messages, feeds, malformed_messages.c.feed_id == feeds.c.feed_id)
