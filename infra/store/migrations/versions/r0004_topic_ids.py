"""A partition's feed knows which topic it is of: one that is made anew has the same name and another id."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("feeds", sa.Column("topic_id", sa.Text))
