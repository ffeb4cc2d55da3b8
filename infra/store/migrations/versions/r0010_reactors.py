"""What reactors have stated, what their keys refer to, and when to react again."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant

revision = "0010"
down_revision = "0009"

MATCHED_SCANS = """
SELECT d.key AS order_id, d.cause AS scan, d.since AS valid_from FROM derived_messages AS d WHERE d.reactor = 'parcels'
"""


def upgrade() -> None:
    op.create_table(
        "reaction_references",
        sa.Column("reactor", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("reaction_references_by_key", "reaction_references", ["reactor", "key"])
    op.create_table(
        "derived_messages",
        sa.Column("reactor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("since", Instant),
        sqlite_with_rowid=False,
    )
    op.create_index("derived_messages_by_cause", "derived_messages", ["cause"])
    op.create_table(
        "reaction_wakes",
        sa.Column("reactor", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("wake_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("reaction_wakes_by_instant", "reaction_wakes", ["reactor", "wake_at"])
    # Read by the view of unmatched parcels (projections/views/unmatched_parcels.py).
    barrier = " WITH (security_barrier = true)" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"CREATE VIEW matched_scans_of_reactor{barrier} AS {MATCHED_SCANS}")
