"""Parts of a rebuild, which several processes fill."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "projection_builds",
        sa.Column(
            "parts",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="In how many parts its filling was cut; 0: it is not.",
        ),
    )
    op.create_table(
        "projection_build_parts",
        sa.Column("name", sa.Text, primary_key=True, comment="The projection."),
        sa.Column("version", sa.Integer, primary_key=True, comment="The version of its rows' meaning."),
        sa.Column("build", sa.Integer, primary_key=True, comment="The number in the names of its tables."),
        sa.Column(
            "part", sa.Integer, primary_key=True, comment="The number of the part, from 0 on, in the order of streams."
        ),
        sa.Column(
            "stream", sa.Text, nullable=False, comment="The last stream that was filled, or the one before the part."
        ),
        sa.Column("until", sa.Text, comment="The last stream of the part; null: it has all that follow."),
        comment="Parts of a build that several processes fill.",
    )
