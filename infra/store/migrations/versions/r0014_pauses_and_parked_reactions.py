"""Pauses with their reason, of every part and not of projections alone; and the keys that reactors have parked."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    paused = op.create_table(
        "pauses",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("since", Instant, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "reaction_failures",
        sa.Column("reactor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
    )
    before = sa.text("SELECT DISTINCT name FROM projection_positions WHERE paused ORDER BY name")
    known = {"since": datetime.now(UTC), "operator": "unknown", "reason": "paused before store version 0014"}
    names = op.get_bind().execute(before).scalars().all()
    op.bulk_insert(paused, [{"name": name, **known} for name in names])
    op.drop_column("projection_positions", "paused")
