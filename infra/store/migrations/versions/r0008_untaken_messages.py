"""Untaken messages by order: the time of messages, the claims of malformed ones, and views of both."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from consumers.contract.claims import claimed_by
from consumers.contract.values import check_instant
from projections.views.columns import Instant

revision = "0008"
down_revision = "0007"

ROWS_AT_ONCE = 5_000
LETTERS_AT_ONCE = 100
NOT_TAKEN = "verdict IN ('held', 'refused')"
CLAIMS = ("source", "id", "subject", "type", "time")

# A void that waits for the message that it names is about the subject too.
UNTAKEN = """
SELECT m.subject AS order_id, m.occurred_at AS occurred_at
FROM messages AS m
WHERE m.verdict IN ('held', 'refused') AND NOT m.voided AND (substr(m.stream, 1, 6) = 'order-' OR m.waits_in_room)
"""
# A claim to be a rep's or an account's message is not about an order.
MALFORMED = """
SELECT l.claimed_subject AS order_id, l.received_at AS recorded_at
FROM malformed_messages AS l
WHERE l.claimed_subject IS NOT NULL AND l.discarded_at IS NULL
AND (l.claimed_type IS NULL OR NOT (l.claimed_type LIKE 'rep.%' OR l.claimed_type LIKE 'account.%'
  OR l.claimed_type LIKE 'parcel.%' OR l.claimed_type LIKE 'standing!_order.%' ESCAPE '!'
  OR l.claimed_type = 'customer.contacted.v1'))
AND NOT EXISTS (
  SELECT 1 FROM messages AS a
  WHERE a.source = l.claimed_source AND a.message_id = l.claimed_id AND a.verdict = 'applied'
  AND substr(a.stream, 1, 6) = 'order-'
)
"""
VIEWS = {"untaken_of_register": UNTAKEN, "malformed_of_register": MALFORMED}


def upgrade() -> None:
    op.add_column("messages", sa.Column("occurred_at", Instant))
    for name in CLAIMS[:-1]:
        op.add_column("malformed_messages", sa.Column(f"claimed_{name}", sa.Text))
    op.add_column("malformed_messages", sa.Column("claimed_time", Instant))
    _fill_occurred_at()
    _fill_claims()
    not_taken, says_whose = sa.text(NOT_TAKEN), sa.text("claimed_subject IS NOT NULL")
    op.create_index("messages_untaken", "messages", ["subject"], sqlite_where=not_taken, postgresql_where=not_taken)
    op.create_index(
        "malformed_messages_by_claim",
        "malformed_messages",
        ["claimed_subject"],
        sqlite_where=says_whose,
        postgresql_where=says_whose,
    )
    barrier = " WITH (security_barrier = true)" if op.get_bind().dialect.name == "postgresql" else ""
    # With percent signs escaped for the driver.
    for name, question in VIEWS.items():
        op.get_bind().exec_driver_sql(
            f"CREATE VIEW {name}{barrier} AS {question}", execution_options={"no_parameters": True}
        )


def _fill_occurred_at() -> None:
    """Each message's time, which its event has."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    events = "stored_events" if sqlite else "waybill_events"
    if not sa.inspect(connection).has_table(events):
        return
    page = sa.text(
        f"SELECT m.source, m.message_id, m.subject, e.state FROM messages AS m JOIN {events} AS e "
        "ON e.originator_id = m.stream AND e.originator_version = m.version "
        "WHERE (m.source, m.message_id, m.subject) > (:source, :message_id, :subject) "
        f"ORDER BY m.source, m.message_id, m.subject LIMIT {ROWS_AT_ONCE}"
    )
    key = [sa.column(name, sa.Text) for name in ("source", "message_id", "subject")]
    messages = sa.table("messages", *key, sa.column("occurred_at", Instant))
    same = (column == sa.bindparam(f"the_{column.name}") for column in key)
    update = sa.update(messages).where(*same).values(occurred_at=sa.bindparam("at"))
    last = ("", "", "")
    while rows := connection.execute(page, dict(zip(("source", "message_id", "subject"), last, strict=True))).all():
        connection.execute(update, [_time_of(row) for row in rows])
        last = (rows[-1][0], rows[-1][1], rows[-1][2])


def _time_of(row: Any) -> dict[str, Any]:
    source, message_id, subject, state = row
    occurred_at = check_instant(json.loads(bytes(state))["occurred_at"])
    return {"the_source": source, "the_message_id": message_id, "the_subject": subject, "at": occurred_at}


def _fill_claims() -> None:
    connection = op.get_bind()
    kept = sa.table(
        "malformed_messages",
        *(sa.column(name, sa.Text) for name in ("letter_id", "headers")),
        sa.column("body", sa.LargeBinary),
        *(sa.column(f"claimed_{name}", sa.Text) for name in CLAIMS[:-1]),
        sa.column("claimed_time", Instant),
    )
    letter = kept.c
    update = (
        sa.update(kept)
        .where(letter.letter_id == sa.bindparam("the_letter"))
        .values({f"claimed_{name}": sa.bindparam(name) for name in CLAIMS})
    )
    ids = list(connection.execute(sa.select(letter.letter_id)).scalars())
    # They have bodies of up to the largest message's size each.
    for first in range(0, len(ids), LETTERS_AT_ONCE):
        some = letter.letter_id.in_(ids[first : first + LETTERS_AT_ONCE])
        found = connection.execute(sa.select(letter.letter_id, letter.body, letter.headers).where(some)).all()
        connection.execute(update, [_claims_of(*row) for row in found])


def _claims_of(letter_id: str, body: bytes, headers: str) -> dict[str, Any]:
    read = tuple((name, bytes.fromhex(value)) for name, value in json.loads(headers))
    return {"the_letter": letter_id, **claimed_by(bytes(body), read)._asdict()}
