"""Clock holds, indexed by their end, and ignored fields of messages."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "clock_holds",
        *_message_key(),
        sa.Column("held_until", Instant, nullable=False),
    )
    op.create_index("clock_holds_by_instant", "clock_holds", ["held_until"])
    op.create_table(
        "ignored_fields",
        *_message_key(),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("feed_id", sa.Integer, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
    )
    op.create_index("ignored_fields_by_feed", "ignored_fields", ["feed_id"])


def _message_key() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in ("source", "message_id", "subject")]
