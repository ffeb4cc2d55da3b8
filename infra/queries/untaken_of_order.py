"""The messages about one order that were not taken: now, by the register; as known at an instant, by settling.

They are those that the views count (projections/views/untaken_messages.py).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, or_, select, text, true

from domain.clock_holds import as_held_at
from domain.derived import facts_among
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import up_to
from domain.streams import settle_stream, stream_name
from domain.verdict import Outcome, Verdict
from infra.queries.malformed_history import may_be_an_orders
from infra.queries.untaken import claims_known
from infra.queries.waiting_voids import waiting_voids
from infra.settled_then.not_taken import is_untaken
from infra.store.events.history import History
from infra.store.register.letter_ids import letter_id_of
from infra.store.register.set_aside import is_open_malformed
from infra.store.register.tables import AMONG_NOT_APPLIED, malformed_messages, messages

ORDERS = stream_name(ORDER, "")
"""How the names of orders' streams begin."""


class UntakenOfOrder(NamedTuple):
    """A message that was not taken, and why. Instants are UTC.

    Of a malformed one, everything but `reason` and `recorded_at` is what it claims, and None where that cannot be
    read. `letter_id` names it: waybill dead-letters show LETTER_ID.
    """

    verdict: str
    reason: str
    type: str | None
    occurred_at: datetime | None
    recorded_at: datetime
    source: str | None
    id: str | None
    letter_id: str | None


def untaken_now(engine: Engine, order_id: str, at: datetime) -> list[UntakenOfOrder]:
    """Those that happened by `at` (malformed: were recorded), the first recorded first."""
    well_formed = _about(order_id).where(
        text(AMONG_NOT_APPLIED), messages.c.voided.is_not(true()), messages.c.occurred_at <= at
    )
    claiming = select(malformed_messages).where(
        malformed_messages.c.claimed_subject == order_id,
        malformed_messages.c.received_at <= at,
        is_open_malformed(by=_of_an_order()),
    )
    with engine.connect() as connection:
        found = [_of_row(row) for row in connection.execute(well_formed)]
        found += [_of_malformed(row) for row in connection.execute(claiming) if may_be_an_orders(row.claimed_type)]
    return _in_order(found)


def untaken_then(
    connection: Connection,
    history: History,
    skew: timedelta,
    order_id: str,
    facts: Iterable[Fact],
    at: datetime,
    known_at: datetime,
) -> list[UntakenOfOrder]:
    """Those that had happened by `at` (malformed: were recorded), by what was known at `known_at`.

    `facts` are all of the order's stream. `connection` and `history` read one snapshot of the store.
    """
    stream = stream_name(ORDER, order_id)
    facts = _known(facts, skew, known_at)
    settling = settle_stream(stream, facts, watched=False)
    found = []
    for fact in facts:
        outcome = settling.outcomes.get(fact.key)
        if outcome and is_untaken(outcome) and fact.occurred_at <= at:
            found.append(_of_fact(order_id, fact, outcome))
    for _, fact, outcome in waiting_voids(connection, history, known_at, order_id):
        if is_untaken(outcome) and fact.occurred_at <= at:
            found.append(_of_fact(order_id, fact, outcome))
    claiming = claims_known(known_at).where(
        malformed_messages.c.claimed_subject == order_id, malformed_messages.c.received_at <= at
    )
    for row in connection.execute(claiming).all():
        streams = {like.stream for like in connection.execute(_messages_like(row))}
        if may_be_an_orders(row.claimed_type) and not any(
            _was_applied(history, skew, other, known_at, row) for other in streams
        ):
            found.append(_of_malformed(row))
    return _in_order(found)


def _known(facts: Iterable[Fact], skew: timedelta, known_at: datetime) -> list[Fact]:
    return as_held_at(up_to(facts, recorded=known_at), known_at, skew)


def _was_applied(history: History, skew: timedelta, stream: str, known_at: datetime, row: Row[Any]) -> bool:
    facts = _known(facts_among(e.event for e in history.stream(stream)), skew, known_at)
    outcome = settle_stream(stream, facts, watched=False).outcomes.get((row.claimed_source, row.claimed_id))
    return outcome is not None and outcome.verdict is Verdict.APPLIED


def _of_an_order() -> ColumnElement[bool]:
    return messages.c.stream.startswith(ORDERS, autoescape=True)


def _about(order_id: str) -> Select[Any]:
    return select(messages).where(
        messages.c.subject == order_id, or_(_of_an_order(), messages.c.waits_in_room == true())
    )


def _messages_like(row: Row[Any]) -> Select[Any]:
    """The orders' messages of the subject, source and id that a malformed one claims."""
    return select(messages.c.stream).where(
        messages.c.source == row.claimed_source,
        messages.c.message_id == row.claimed_id,
        messages.c.subject == row.claimed_subject,
        _of_an_order(),
    )


def _of_row(row: Row[Any]) -> UntakenOfOrder:
    return UntakenOfOrder(
        verdict=row.verdict,
        reason=row.reason,
        type=row.type,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        source=row.source,
        id=row.message_id,
        letter_id=row.letter_id,
    )


def _of_fact(subject_id: str, fact: Fact, outcome: Outcome) -> UntakenOfOrder:
    return UntakenOfOrder(
        verdict=outcome.verdict.value,
        reason=outcome.reason,
        type=fact.TYPE,
        occurred_at=fact.occurred_at,
        recorded_at=fact.recorded_at,
        source=fact.source,
        id=fact.message_id,
        letter_id=letter_id_of(fact.source, fact.message_id, subject_id),
    )


def _of_malformed(row: Row[Any]) -> UntakenOfOrder:
    return UntakenOfOrder(
        verdict=Verdict.MALFORMED.value,
        reason=row.reason,
        type=row.claimed_type,
        occurred_at=row.claimed_time,
        recorded_at=row.received_at,
        source=row.claimed_source,
        id=row.claimed_id,
        letter_id=row.letter_id,
    )


def _in_order(found: list[UntakenOfOrder]) -> list[UntakenOfOrder]:
    return sorted(found, key=lambda one: (one.recorded_at, one.letter_id or ""))
