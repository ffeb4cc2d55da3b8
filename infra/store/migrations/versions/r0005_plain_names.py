"""Tables of malformed messages and snapshots get plain names; snapshots get the version of the rules."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.rename_table("letters", "malformed_messages")
    op.rename_table("kept_settlings", "snapshots")
    op.alter_column("snapshots", "kept", new_column_name="snapshot")
    # Snapshots of earlier versions have no version of the rules. The next message of a stream creates a new one.
    op.execute(sa.text("DELETE FROM snapshots"))
