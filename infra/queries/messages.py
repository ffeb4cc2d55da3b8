"""The outcome of a message, for its sender and for engineers on call."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, func, select, true, tuple_

from domain.derived import facts_among
from domain.events import VerdictChanged
from domain.fact import Fact, StreamEvent
from domain.pruning import PrunedStreamError
from domain.streams import settle_stream
from domain.verdict import Outcome, Verdict
from infra.store.events.history import History
from infra.store.pruned_commands import brought_back_by
from infra.store.register.tables import ignored_fields, messages, notices
from projections.order_timeline import what_each_changed

MESSAGES_AT_ONCE = 500


class EarlierVerdict(NamedTuple):
    """An earlier verdict of a message."""

    verdict: str
    until: datetime


class MessageReport(NamedTuple):
    """One message: its verdict and why, when it took effect (None: it did not) and what it changed.

    `position` is its event's position in the store; None if the event was pruned. `repeats` counts how often it came
    again. `ignored` has the fields of its data that the contract does not know for its type, such as "discount_code" or
    "lines[0].color".
    """

    source: str
    id: str
    subject: str
    type: str
    verdict: str
    reason: str
    occurred_at: datetime
    recorded_at: datetime
    took_effect_at: datetime | None
    what_changed: str
    stream: str
    position: int | None
    repeats: int
    repeats_with_other_content: int
    earlier_verdicts: Sequence[EarlierVerdict]
    ignored: Sequence[str]


class IgnoredField(NamedTuple):
    """An ignored field, with the number of messages of its type; "lines[].color" covers all lines."""

    type: str
    field: str
    messages: int


class NoLongerApplied(NamedTuple):
    """A message that was applied until another message came, and its verdict since."""

    source: str
    id: str
    subject: str
    type: str
    verdict: str
    reason: str


class Messages:
    """Reads the register and the streams that it names."""

    def __init__(self, engine: Engine, history: History):
        self._engine = engine
        self._history = history

    def find(self, source: str, message_id: str) -> list[MessageReport]:
        """All messages of this source and id: one, unless a source used an id for several subjects."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(messages)
                .where(messages.c.source == source, messages.c.message_id == message_id)
                .order_by(messages.c.subject)
            ).all()
            ignored = connection.execute(
                select(ignored_fields.c.subject, ignored_fields.c.names).where(
                    ignored_fields.c.source == source, ignored_fields.c.message_id == message_id
                )
            ).all()
        names = {subject: json.loads(written) for subject, written in ignored}
        return [self._report(row, names.get(row.subject, ())) for row in rows]

    def stream_of(self, source: str, message_id: str, subject: str) -> str | None:
        """The stream that has the message's event; None if the message is not known."""
        question = select(messages.c.stream).where(
            messages.c.source == source, messages.c.message_id == message_id, messages.c.subject == subject
        )
        with self._engine.connect() as connection:
            return connection.execute(question).scalar_one_or_none()

    def outcomes(self, source: str, ids: Sequence[str]) -> dict[tuple[str, str], Outcome]:
        """The present outcome of each of these messages of a source, by id and subject."""
        found: dict[tuple[str, str], Outcome] = {}
        columns = (messages.c.message_id, messages.c.subject, messages.c.verdict, messages.c.reason)
        with self._engine.connect() as connection:
            for start in range(0, len(ids), MESSAGES_AT_ONCE):
                some = ids[start : start + MESSAGES_AT_ONCE]
                question = select(*columns).where(messages.c.source == source, messages.c.message_id.in_(some))
                for message_id, subject, verdict, reason in connection.execute(question):
                    found[message_id, subject] = Outcome(Verdict(verdict), reason)
        return found

    def newest_notice(self) -> int:
        """The number of the newest change of a verdict, for `no_longer_applied`; 0 if there is none."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(notices.c.notice_id), 0))).scalar_one())

    def no_longer_applied(self, since: int) -> list[NoLongerApplied]:
        """Messages that were applied and are not since notice number `since`, other than those that were voided."""
        key = (messages.c.source, messages.c.message_id, messages.c.subject)
        changed = select(notices.c.source, notices.c.message_id, notices.c.subject).where(
            notices.c.notice_id > since, notices.c.before == Verdict.APPLIED.value
        )
        question = (
            select(*key, messages.c.type, messages.c.verdict, messages.c.reason)
            .where(
                tuple_(*key).in_(changed),
                messages.c.verdict != Verdict.APPLIED.value,
                messages.c.voided.is_not(true()),
            )
            .order_by(messages.c.subject, messages.c.occurred_at, *key)
        )
        with self._engine.connect() as connection:
            return [NoLongerApplied._make(row) for row in connection.execute(question)]

    def ignored_of_feed(self, feed_id: int) -> list[IgnoredField]:
        """The ignored fields of a feed's messages, by type and field; all lines count as one."""
        counts: Counter[tuple[str, str]] = Counter()
        with self._engine.connect() as connection:
            for message_type, names in connection.execute(
                select(ignored_fields.c.type, ignored_fields.c.names).where(ignored_fields.c.feed_id == feed_id)
            ):
                counts.update((message_type, name) for name in {_any_row(name) for name in json.loads(names)})
        return [IgnoredField(*field, messages) for field, messages in sorted(counts.items())]

    def _report(self, row: Row[Any], ignored: Sequence[str]) -> MessageReport:
        events = self._history.stream(row.stream)
        key = (row.source, row.message_id)
        stored = [e for e in events if isinstance(e.event, Fact) and e.event.key == key]
        occurred_at = next((e.event.occurred_at for e in stored if isinstance(e.event, Fact)), row.occurred_at)
        return MessageReport(
            source=row.source,
            id=row.message_id,
            subject=row.subject,
            type=row.type,
            verdict=row.verdict,
            reason=row.reason,
            occurred_at=occurred_at,
            recorded_at=row.recorded_at,
            took_effect_at=row.took_effect_at,
            what_changed=_what_changed(row.stream, [e.event for e in events], key),
            stream=row.stream,
            # A message that was withdrawn and stands again has several events.
            position=max((e.position for e in stored), default=None),
            repeats=row.repeats,
            repeats_with_other_content=row.differing,
            earlier_verdicts=self._earlier_verdicts(row, [e.event for e in events], pruned=not stored),
            ignored=tuple(ignored),
        )

    def _earlier_verdicts(
        self, row: Row[Any], events: Sequence[StreamEvent], *, pruned: bool
    ) -> Sequence[EarlierVerdict]:
        """From the events; of a message whose events were pruned, from the outbox, which tells every change."""
        if not pruned:
            key = (row.source, row.message_id)
            changes = [event for event in events if isinstance(event, VerdictChanged) and event.key == key]
            return [EarlierVerdict(change.verdict_before.value, change.recorded_at) for change in changes]
        n = notices.c
        of_message = (n.source == row.source, n.message_id == row.message_id, n.subject == row.subject)
        told = select(n.before, n.told_at).where(*of_message, n.before.is_not(None), n.before != n.verdict)
        with self._engine.connect() as connection:
            return [EarlierVerdict(before, at) for before, at in connection.execute(told.order_by(n.notice_id))]

    def sources(self, beginning: str = "") -> Iterator[str]:
        """The sources of all messages that begin so, in order; each is one look into an index."""
        question = select(func.min(messages.c.source))
        after = question.where(messages.c.source >= beginning) if beginning else question
        with self._engine.connect() as connection:
            while True:
                source: str | None = connection.execute(after).scalar_one()
                if source is None or not source.startswith(beginning):
                    return
                after = question.where(messages.c.source > source)
                yield source

    def ids_after(self, source: str, beginning: str, most: int) -> list[str]:
        """Ids of this source's messages in their order, from the first that is not before this text."""
        question = (
            select(messages.c.message_id)
            .where(messages.c.source == source, messages.c.message_id >= beginning)
            .distinct()
            .order_by(messages.c.message_id)
            .limit(most)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(question).scalars())

    def has_source(self, source: str) -> bool:
        """Whether a message of this source is known; one look into an index."""
        question = select(messages.c.source).where(messages.c.source == source).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(question).first() is not None

    def subjects_of(self, source: str, message_id: str) -> list[str]:
        """The subjects of the messages of this source and id."""
        with self._engine.connect() as connection:
            return list(
                connection.execute(
                    select(messages.c.subject).where(messages.c.source == source, messages.c.message_id == message_id)
                ).scalars()
            )


def _what_changed(stream: str, events: Sequence[StreamEvent], key: tuple[str, str]) -> str:
    try:
        facts = facts_among(events)
    except PrunedStreamError as e:
        return f"not told here: {brought_back_by(e)}"
    return what_each_changed(settle_stream(stream, facts)).get(key, (0, ""))[1]


def _any_row(name: str) -> str:
    """A field's name whichever row it stands in."""
    return re.sub(r"\[[0-9]+\]", "[]", name)
