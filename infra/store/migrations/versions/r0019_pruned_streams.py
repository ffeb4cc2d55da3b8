"""The pruned orders: whose events are in an archive alone (docs/decisions/036-prune.md)."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "pruned_streams",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("archive", sa.Text, nullable=False),
        sa.Column("archive_id", sa.Text, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("first_position", sa.BigInteger, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sa.Column("last_recorded_at", Instant, nullable=False),
        sa.Column("pruned_at", Instant, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
