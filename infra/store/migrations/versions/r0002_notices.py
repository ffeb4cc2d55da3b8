"""The relay's tables: notices of verdicts, checkpoints of reactors."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.BigInteger().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("source", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("type", sa.Text),
        sa.Column("letter_id", sa.Text),
        sa.Column("feed_id", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger),
        sa.Column("stream", sa.Text),
        sa.Column("version", sa.BigInteger),
        sa.Column("before", sa.Text),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("took_effect_at", INSTANT),
        sa.Column("told_at", INSTANT, nullable=False),
    )
    about_an_event = sa.text("stream IS NOT NULL")
    op.create_index(
        "notices_of_events",
        "notices",
        ["stream", "version"],
        sqlite_where=about_an_event,
        postgresql_where=about_an_event,
    )
    reactor_positions = op.create_table(
        "reactor_positions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("begun_at", INSTANT),
    )
    # Earlier stores do not record whether a message was applied at once. So the relay begins after their events.
    head = _head()
    if head:
        op.bulk_insert(reactor_positions, [{"name": "relay.events", "position": head, "begun_at": None}])


def _head() -> int:
    """The position of the newest event; 0 in an empty store."""
    connection = op.get_bind()
    events, position = (
        ("stored_events", "rowid") if connection.dialect.name == "sqlite" else ("waybill_events", "notification_id")
    )
    if not sa.inspect(connection).has_table(events):
        return 0
    return int(connection.execute(sa.text(f"SELECT coalesce(max({position}), 0) FROM {events}")).scalar_one())
