"""A partition's feed has the topic's id: a topic that is created again has the same name and a new id."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("feeds", sa.Column("topic_id", sa.Text))
