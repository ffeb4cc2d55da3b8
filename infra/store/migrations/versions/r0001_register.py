"""The register: feeds with books, messages, bytes of messages, malformed letters, stored settlings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.BigInteger().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("feed_id", sa.Integer, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("bytes_read", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("crc", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        *(
            sa.Column(verdict, sa.Integer, nullable=False, server_default="0")
            for verdict in ("applied", "duplicate", "held", "refused", "malformed")
        ),
    )
    unfinished = sa.text("finished_at IS NULL")
    op.create_index(
        "feeds_unfinished", "feeds", ["topic", "partition"], sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_table(
        "messages",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("feed_id", sa.Integer, nullable=False),
        sa.Column("last_feed_id", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("voided", sa.Boolean, nullable=False),
        sa.Column("took_effect_at", INSTANT),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("waits_in_room", sa.Boolean, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
        sa.Column("differing", sa.Integer, nullable=False, server_default="0"),
        sa.Column("discarded_at", INSTANT),
        sqlite_with_rowid=False,
    )
    not_taken = sa.text("verdict IN ('held', 'refused')")
    op.create_index(
        "messages_not_taken",
        "messages",
        ["verdict", "received_at"],
        sqlite_where=not_taken,
        postgresql_where=not_taken,
    )
    op.create_index(
        "messages_in_waiting_rooms",
        "messages",
        ["subject"],
        sqlite_where=sa.text("waits_in_room != 0"),
        postgresql_where=sa.text("waits_in_room"),
    )
    op.create_table(
        "raw_messages",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
    )
    op.create_table(
        "letters",
        sa.Column("letter_id", sa.Text, primary_key=True),
        sa.Column("feed_id", sa.Integer, nullable=False),
        sa.Column("last_feed_id", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
        sa.Column("discarded_at", INSTANT),
    )
    op.create_table(
        "kept_settlings",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kept", sa.LargeBinary),
    )
