"""Verify, for what no settling gives: letters that operators set aside, the bytes of letters, and checkpoints."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, or_, select, text

from consumers.ingest.register import MessageKey
from domain.derived import RESERVED_SOURCES
from domain.operator.acts import DeadLetterDiscarded, DeadLetterEdited, DeadLetterRestored, OperatorAct
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.outbox.expiries import ExpiriesOutbox, position_of
from infra.outbox.verdicts import VerdictsOutbox
from infra.store.events.history import ROWS_AT_ONCE, PositionedEvent
from infra.store.projected.tables import projection_positions
from infra.store.register.letter_ids import is_of_malformed, letter_id_of
from infra.store.register.set_aside import BEFORE_ACTS, DISCARDED, EDITED
from infra.store.register.tables import (
    AMONG_NOT_APPLIED,
    letters_set_aside,
    malformed_messages,
    messages,
    notices,
    raw_messages,
    reactor_positions,
)

NOT_SET_ASIDE, SET_ASIDE, BY_NOBODY = "not set aside", "set aside", "no act of an operator"
_STREAMED = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
_set_aside = letters_set_aside.c


class RegisterFinding(NamedTuple):
    """What is wrong in the register, or with a checkpoint: what was expected and found."""

    check: str
    subject: str
    expected: str
    found: str


class SetAsideRow(NamedTuple):
    """How a letter was set aside, as a row of letters_set_aside says."""

    how: str
    operator: str
    reason: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.how} by {self.operator} at {_written(self.at)}: {self.reason}"


class SetAsideCheck:
    """Follows the operators' acts on letters, and compares with the rows and marks of the letters."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._newest: dict[str, tuple[int, SetAsideRow | None]] = {}

    def note(self, events: Iterable[PositionedEvent]) -> None:
        """Take the acts of an operator's stream. The streams of several operators may come in any order."""
        for position, event in events:
            if not isinstance(event, DeadLetterDiscarded | DeadLetterEdited | DeadLetterRestored):
                continue
            if isinstance(event, DeadLetterEdited) and not is_of_malformed(event.letter_id):
                continue  # an edited letter that is well-formed is voided
            if position > self._newest.get(event.letter_id, (0, None))[0]:
                self._newest[event.letter_id] = position, _row_after(event)

    def findings(self) -> Iterator[RegisterFinding]:
        yield from self._rows()
        yield from self._malformed()
        yield from self._well_formed()

    def _rows(self) -> Iterator[RegisterFinding]:
        """Each row has its act, and each act its row."""
        expected = {letter_id: row for letter_id, (_, row) in self._newest.items() if row is not None}
        columns = (_set_aside[name] for name in SetAsideRow._fields)
        for letter_id, *values in self._connection.execute(select(_set_aside.letter_id, *columns)):
            found, act = SetAsideRow(*values), expected.pop(letter_id, None)
            if found != act and not (act is None and found.operator == BEFORE_ACTS):
                yield _aside(letter_id, BY_NOBODY if act is None else str(act), str(found))
        for letter_id, act in sorted(expected.items()):
            yield _aside(letter_id, str(act), NOT_SET_ASIDE)

    def _malformed(self) -> Iterator[RegisterFinding]:
        c = malformed_messages.c
        found = select(c.letter_id, c.discarded_at, _set_aside.at).select_from(
            malformed_messages.outerjoin(letters_set_aside, c.letter_id == _set_aside.letter_id)
        )
        differs = c.discarded_at.is_distinct_from(_set_aside.at)
        for letter_id, mark, at in self._connection.execute(found.where(differs).order_by(c.letter_id)):
            yield _aside(letter_id, _marked(at), _marked(mark))

    def _well_formed(self) -> Iterator[RegisterFinding]:
        c = messages.c
        key = [c[name] for name in MessageKey._fields]
        rows = {row.letter_id: row.at for row in self._connection.execute(select(_set_aside.letter_id, _set_aside.at))}
        marked = select(*key, c.discarded_at).where(c.discarded_at.is_not(None))
        unexplained = {
            MessageKey(*row[:3]): row.discarded_at
            for row in self._connection.execute(marked, execution_options=_STREAMED)
            if rows.get(letter_id_of(*row[:3])) != row.discarded_at
        }
        if unexplained:
            # A malformed letter keeps its mark when it is read again and fits the contract; its row stays under its id.
            n = notices.c
            released = select(*(n[name] for name in MessageKey._fields), n.letter_id).where(
                n.before == Verdict.MALFORMED.value, n.letter_id.in_(select(_set_aside.letter_id))
            )
            for *parts, letter_id in self._connection.execute(released):
                if unexplained.get(named := MessageKey(*parts)) == rows[letter_id]:
                    del unexplained[named]
        for named, mark in sorted(unexplained.items()):
            letter_id = letter_id_of(*named)
            yield _aside(
                f"{letter_id} ({named.message_id} of {named.source})", _marked(rows.get(letter_id)), _marked(mark)
            )
        unmarked = (
            select(c.letter_id, _set_aside.at)
            .join(letters_set_aside, c.letter_id == _set_aside.letter_id)
            # A derived message that was withdrawn and stands again is a new row.
            .where(text(AMONG_NOT_APPLIED), c.discarded_at.is_(None), ~c.source.startswith(RESERVED_SOURCES))
        )
        for letter_id, at in self._connection.execute(unmarked.order_by(c.letter_id)):
            yield _aside(letter_id, _marked(at), NOT_SET_ASIDE)


def missing_bytes(connection: Connection) -> Iterator[RegisterFinding]:
    """Held and refused messages without bytes, of those that were not applied on receipt: only these have any."""
    c, raw, n = messages.c, raw_messages.c, notices.c
    has_bytes = and_(*(raw[name] == c[name] for name in MessageKey._fields), func.length(raw.body) > 0)
    not_applied_at_first = and_(
        n.stream == c.stream, n.version == c.version, or_(n.before.is_(None), n.before == Verdict.MALFORMED.value)
    )
    lost = select(c.source, c.message_id, c.stream).where(
        text(AMONG_NOT_APPLIED),
        ~exists(select(raw.source).where(has_bytes).correlate(messages)),
        exists(select(n.notice_id).where(not_applied_at_first).correlate(messages)),
    )
    for source, message_id, stream in connection.execute(lost.order_by(c.stream, c.source, c.message_id)):
        yield RegisterFinding("bytes", f"message {message_id} of {source} in {stream}", "its bytes", "none")


def positions_beyond(waybill: Waybill, connection: Connection, head: int) -> Iterator[RegisterFinding]:
    """Checkpoints of projections, reactors and outboxes that are after the end of what they read."""
    p, r = projection_positions.c, reactor_positions.c
    for name, version, position in connection.execute(
        select(p.name, p.version, p.position).order_by(p.name, p.version)
    ):
        if position > head:
            yield _beyond(f"{name}, version {version}", head, position)
    newest_notice = connection.execute(select(func.coalesce(func.max(notices.c.notice_id), 0))).scalar_one()
    ends = {VerdictsOutbox.name: newest_notice, ExpiriesOutbox.name: position_of(waybill.clock())}
    for name, position in connection.execute(select(r.name, r.position).order_by(r.name)):
        if position > (end := ends.get(name, head)):
            yield _beyond(name, end, position)


def _row_after(act: OperatorAct) -> SetAsideRow | None:
    """What letters_set_aside says after an act on a letter; None: nothing."""
    if isinstance(act, DeadLetterRestored):
        return None
    how = DISCARDED if isinstance(act, DeadLetterDiscarded) else EDITED
    return SetAsideRow(how, act.operator, act.reason, act.recorded_at)


def _aside(letter: str, expected: str, found: str) -> RegisterFinding:
    return RegisterFinding("set aside", f"letter {letter}", expected, found)


def _beyond(name: str, end: int, position: int) -> RegisterFinding:
    return RegisterFinding("position", name, f"at most {end}", str(position))


def _marked(at: datetime | None) -> str:
    return NOT_SET_ASIDE if at is None else f"{SET_ASIDE} at {_written(at)}"


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
