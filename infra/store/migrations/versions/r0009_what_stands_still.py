"""Unreadable batches, the last move of each feed, and records left out by the relay."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("feeds", sa.Column("moved_at", Instant))
    op.create_table(
        "unreadable_batches",
        sa.Column("feed_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("end_offset", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
    )
    op.create_table(
        "left_out_records",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("largest", sa.BigInteger, nullable=False),
        sa.Column("since", Instant, nullable=False),
    )
