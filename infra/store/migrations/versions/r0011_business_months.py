"""The calendar of business months, which is filled for a time zone when a process with that zone opens the store."""

import sqlalchemy as sa
from alembic import op

from projections.views.columns import Instant, Name

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "business_month_starts",
        sa.Column("zone", Name, primary_key=True),
        sa.Column("starts_at", Instant, primary_key=True),
        sa.Column("month", Name),
    )
