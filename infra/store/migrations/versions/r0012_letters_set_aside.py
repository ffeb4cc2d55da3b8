"""Dead letters that operators set aside, an index of letter ids, and superseding by subject, source and id."""

import hashlib

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0012"
down_revision = "0011"

NOT_TAKEN = "verdict IN ('held', 'refused')"
# A message of another subject with the same source and id does not supersede it: sources may number by subject.
MALFORMED = """
SELECT l.claimed_subject AS order_id, l.received_at AS recorded_at
FROM malformed_messages AS l
WHERE l.claimed_subject IS NOT NULL AND l.discarded_at IS NULL
AND (l.claimed_type IS NULL OR NOT (l.claimed_type LIKE 'rep.%' OR l.claimed_type LIKE 'account.%'
  OR l.claimed_type LIKE 'parcel.%' OR l.claimed_type LIKE 'standing!_order.%' ESCAPE '!'
  OR l.claimed_type = 'customer.contacted.v1'))
AND NOT EXISTS (
  SELECT 1 FROM messages AS a
  WHERE a.source = l.claimed_source AND a.message_id = l.claimed_id AND a.subject = l.claimed_subject
  AND a.verdict = 'applied' AND substr(a.stream, 1, 6) = 'order-'
)
"""


def upgrade() -> None:
    op.create_table(
        "letters_set_aside",
        sa.Column("letter_id", sa.Text, primary_key=True),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    not_taken = sa.text(NOT_TAKEN)
    op.create_index(
        "messages_by_letter_id", "messages", ["letter_id"], sqlite_where=not_taken, postgresql_where=not_taken
    )
    connection = op.get_bind()
    _record_discarded(connection)
    # With percent signs escaped for the driver.
    as_written = {"no_parameters": True}
    if connection.dialect.name == "postgresql":
        replaced = f"CREATE OR REPLACE VIEW malformed_of_register WITH (security_barrier = true) AS {MALFORMED}"
        connection.exec_driver_sql(replaced, execution_options=as_written)
        return
    connection.exec_driver_sql("DROP VIEW malformed_of_register")
    connection.exec_driver_sql(f"CREATE VIEW malformed_of_register AS {MALFORMED}", execution_options=as_written)


def _record_discarded(connection: sa.Connection) -> None:
    """Give letters that are discarded already a row without an operator: who did it was not kept."""
    key = ("source", "message_id", "subject")
    messages = sa.table("messages", *(sa.column(name, sa.Text) for name in key), sa.column("discarded_at", Instant))
    malformed = sa.table("malformed_messages", sa.column("letter_id", sa.Text), sa.column("discarded_at", Instant))
    found = [
        *connection.execute(sa.select(malformed).where(malformed.c.discarded_at.is_not(None))),
        *(
            (hashlib.sha256("\0".join(named).encode()).hexdigest()[:16], at)
            for *named, at in connection.execute(sa.select(messages).where(messages.c.discarded_at.is_not(None)))
        ),
    ]
    columns = (sa.column(name, sa.Text) for name in ("letter_id", "how", "operator", "reason"))
    rows = sa.table("letters_set_aside", *columns, sa.column("at", Instant))
    if found:
        connection.execute(
            sa.insert(rows),
            [{"letter_id": one, "how": "discarded", "operator": "", "reason": "", "at": at} for one, at in found],
        )
