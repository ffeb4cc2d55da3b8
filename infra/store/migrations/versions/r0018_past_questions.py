"""Indexes for questions about the past (docs/decisions/031-past-questions.md), on the tables that are there."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

SPANS_HOURS = tuple(2**power for power in range(14))
TABLES = {
    "order_states": ("order_states_open_then", ("valid_from", "promised_by"), " WHERE status = 'open'"),
    "follow_up_periods": ("follow_up_periods_owed_then", ("valid_from", "closed_at", "rep_id"), ""),
}
HOUR_MICROSECONDS = 3_600_000_000


def upgrade() -> None:
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    length = _length_class(connection.dialect.name)
    for table, (index, columns, where) in TABLES.items():
        # Each version and each build has a table of its own: order_states_v5, order_states_v5_b1.
        for name in sorted(inspector.get_table_names()):
            if not re.fullmatch(rf"{table}_v\d+(_b\d+)?", name):
                continue
            if {*columns} <= {column["name"] for column in inspector.get_columns(name)}:
                made = f"CREATE INDEX IF NOT EXISTS {index}{name.removeprefix(table)} ON {name}"
                # Not as a text with parameters, which a colon would begin.
                connection.exec_driver_sql(f"{made} ({length}, {', '.join(columns)}){where}")


def _length_class(dialect: str) -> str:
    if dialect == "postgresql":
        spans = ",".join(f"{hours}:00:00" for hours in SPANS_HOURS)
        return f"coalesce(width_bucket(valid_to - valid_from, '{{{spans}}}'::interval[]), {len(SPANS_HOURS)})"
    shorter = " ".join(
        f"WHEN valid_to - valid_from < {hours * HOUR_MICROSECONDS} THEN {n}" for n, hours in enumerate(SPANS_HOURS)
    )
    return f"CASE {shorter} ELSE {len(SPANS_HOURS)} END"
