"""Positions of projections by name and version, which version is live, and the version of the rules.

Until now a projection had one set of tables. They become the tables of the version of their rows.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.BigInteger().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
TABLES = {
    "order_states": ("order_states", "rep_open_orders"),
    "late_deliveries": ("late_delivery_periods",),
    "follow_ups": ("follow_up_periods",),
    "reps": ("rep_periods",),
    "contacts": ("contacts",),
}
ASKED = ("order_states", "late_delivery_periods", "follow_up_periods", "rep_periods", "contacts")
"""Those of the tables that analysts may query."""


def upgrade() -> None:
    found: Sequence[Any] = ()
    if sa.inspect(op.get_bind()).has_table("projection_positions"):
        found = op.get_bind().execute(sa.text("SELECT name, version, position, paused FROM projection_positions")).all()
        op.drop_table("projection_positions")
    positions = op.create_table(
        "projection_positions",
        sa.Column("name", sa.Text, primary_key=True, comment="The projection."),
        sa.Column("version", sa.Integer, primary_key=True, comment="The version of its rows' meaning."),
        sa.Column("position", sa.BigInteger, nullable=False, comment="The last event that its rows reflect."),
        sa.Column(
            "paused",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="Whether an operator paused it.",
        ),
        sa.Column(
            "filled",
            sa.Boolean,
            nullable=False,
            server_default=sa.true(),
            comment="False while a new version has not come as far as the one before it.",
        ),
        comment="How far each version of each projection has come.",
    )
    live = op.create_table(
        "live_projections",
        sa.Column("name", sa.Text, primary_key=True, comment="The projection."),
        sa.Column("version", sa.Integer, nullable=False, comment="The version that the analysts' names point to."),
        comment="Which version of each projection is live.",
    )
    op.create_table(
        "projection_failures",
        sa.Column("name", sa.Text, primary_key=True, comment="The projection."),
        sa.Column("version", sa.Integer, primary_key=True, comment="The version of its rows' meaning."),
        sa.Column(
            "key", sa.Text, primary_key=True, comment="The subject that is parked; empty: the projection is stopped."
        ),
        sa.Column("position", sa.BigInteger, nullable=False, comment="The last event of the batch that failed."),
        sa.Column("reason", sa.Text, nullable=False, comment="What was raised."),
        sa.Column("since", INSTANT, nullable=False, comment="When it failed first."),
        comment="What projections could not take, and go on without.",
    )
    rules = op.create_table(
        "store_rules",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("resettled_to", sa.Text),
    )
    op.bulk_insert(rules, [{"version": 1}])
    for name, version, position, paused in found:
        for table in TABLES[name]:
            op.rename_table(table, f"{table}_v{version}")
            if table in ASKED and op.get_bind().dialect.name == "sqlite":
                # Queries on the file keep working. (On PostgreSQL analysts have a schema of views, which follow.)
                op.execute(sa.text(f"CREATE VIEW {table} AS SELECT * FROM {table}_v{version}"))
        op.bulk_insert(
            positions,
            [{"name": name, "version": version, "position": position, "paused": bool(paused), "filled": True}],
        )
        op.bulk_insert(live, [{"name": name, "version": version}])
