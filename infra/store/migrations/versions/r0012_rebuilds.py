"""Builds of projections: which one is in use, and the others."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("projection_positions", sa.Column("build", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "projection_builds",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("build", sa.Integer, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("stream", sa.Text),
        sa.Column("served", sa.Boolean, nullable=False),
        sa.Column("parked", sa.Text, nullable=False),
        sa.Column("begun_at", Instant, nullable=False),
    )
