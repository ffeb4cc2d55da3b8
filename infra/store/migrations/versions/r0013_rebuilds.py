"""Builds of projections: which one is in use, and the others."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        filled = "Whether the version may answer. False: it needs a rebuild."
        op.alter_column("projection_positions", "filled", comment=filled)
    op.add_column(
        "projection_positions",
        sa.Column(
            "build",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="Which build's tables are in use: 0 are the first ones, others were filled by a rebuild.",
        ),
    )
    op.create_table(
        "projection_builds",
        sa.Column("name", sa.Text, primary_key=True, comment="The projection."),
        sa.Column("version", sa.Integer, primary_key=True, comment="The version of its rows' meaning."),
        sa.Column("build", sa.Integer, primary_key=True, comment="The number in the names of its tables."),
        sa.Column("position", sa.BigInteger, nullable=False, comment="The last event that its rows reflect."),
        sa.Column("stream", sa.Text, comment="The last stream that was filled, empty at first; null: all are."),
        sa.Column("served", sa.Boolean, nullable=False, comment="Whether it was in use before another build."),
        sa.Column("parked", sa.Text, nullable=False, comment="Its failures while it was in use, as JSON."),
        sa.Column("begun_at", Instant, nullable=False, comment="When it was begun; of one that served: when it ended."),
        comment="Builds that are not in use: being filled by a rebuild, or kept to go back to.",
    )
