"""Malformed messages and snapshots have plain names; snapshots say which rules they are of."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.rename_table("letters", "malformed_messages")
    op.rename_table("kept_settlings", "snapshots")
    op.alter_column("snapshots", "kept", new_column_name="snapshot")
    # Those of earlier versions do not say which rules they are of. The next message of a stream makes a new one.
    op.execute(sa.text("DELETE FROM snapshots"))
