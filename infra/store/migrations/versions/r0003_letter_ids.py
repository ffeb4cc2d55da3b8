"""The row of a message that was not taken has its letter id, for use in every query."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("messages", sa.Column("letter_id", sa.Text))
    key = [sa.column(name, sa.Text) for name in ("source", "message_id", "subject")]
    messages = sa.table("messages", *key, sa.column("verdict", sa.Text), sa.column("letter_id", sa.Text))
    connection = op.get_bind()
    not_taken = connection.execute(sa.select(*key).where(messages.c.verdict.in_(["held", "refused"]))).all()
    if not_taken:
        named = sa.update(messages).where(*(column == sa.bindparam(f"the_{column.name}") for column in key))
        connection.execute(
            named.values(letter_id=sa.bindparam("the_letter")),
            [
                {
                    "the_source": row.source,
                    "the_message_id": row.message_id,
                    "the_subject": row.subject,
                    "the_letter": _letter_id(row.source, row.message_id, row.subject),
                }
                for row in not_taken
            ],
        )


def _letter_id(source: str, message_id: str, subject: str) -> str:
    return hashlib.sha256("\0".join((source, message_id, subject)).encode()).hexdigest()[:16]
