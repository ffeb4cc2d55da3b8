"""The register's tables, beside the library's events in the same store: feeds with their books, messages, letters."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, false

from projections.views.columns import Instant

register_metadata = MetaData()

# One row a partition of a topic, or a reading of a file. The books stand in the same row, so that writers of different
# feeds do not queue for one counter.
feeds = Table(
    "feeds",
    register_metadata,
    Column("feed_id", Integer, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False, default=0, server_default="0"),
    Column("bytes_read", BigInteger, nullable=False, default=0, server_default="0"),
    Column("crc", BigInteger, nullable=False, default=0, server_default="0"),
    Column("opened_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("applied", Integer, nullable=False, default=0, server_default="0"),
    Column("duplicate", Integer, nullable=False, default=0, server_default="0"),
    Column("held", Integer, nullable=False, default=0, server_default="0"),
    Column("refused", Integer, nullable=False, default=0, server_default="0"),
    Column("malformed", Integer, nullable=False, default=0, server_default="0"),
    # Kafka's own id of the topic: one that is deleted and made anew has another. Null of a file, or not known yet.
    Column("topic_id", Text),
)
Index(
    "feeds_unfinished",
    feeds.c.topic,
    feeds.c.partition,
    sqlite_where=feeds.c.finished_at.is_(None),
    postgresql_where=feeds.c.finished_at.is_(None),
)

# Every well-formed message that ever came in, with the verdict that it has now. `repeats` counts how often it came
# again, `differing` how often of these with other content. `letter_id` is there while the message is held or refused.
# A void waits in a room while what it names is unknown.
messages = Table(
    "messages",
    register_metadata,
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("feed_id", Integer, nullable=False),
    Column("last_feed_id", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stream", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("voided", Boolean, nullable=False),
    Column("took_effect_at", Instant),
    Column("recorded_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("waits_in_room", Boolean, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("differing", Integer, nullable=False, server_default="0"),
    Column("discarded_at", Instant),
    Column("letter_id", Text),
    sqlite_with_rowid=False,
)
_not_applied = messages.c.verdict.in_(["held", "refused"])
Index(
    "messages_not_taken",
    messages.c.verdict,
    messages.c.received_at,
    sqlite_where=_not_applied,
    postgresql_where=_not_applied,
)
AMONG_NOT_APPLIED = "messages.verdict IN ('held', 'refused')"
"""Word for word what that index says: SQLite uses it for a question that has this among its conditions."""
Index(
    "messages_in_waiting_rooms",
    messages.c.subject,
    sqlite_where=messages.c.waits_in_room != false(),
    postgresql_where=messages.c.waits_in_room,
)

# The bytes of messages that were not applied at once.
raw_messages = Table(
    "raw_messages",
    register_metadata,
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
)

# Malformed messages, whole.
letters = Table(
    "letters",
    register_metadata,
    Column("letter_id", Text, primary_key=True),
    Column("feed_id", Integer, nullable=False),
    Column("last_feed_id", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("discarded_at", Instant),
)

# What the relay tells on waybill.verdicts, in the order in which it became known: each verdict on receipt other than
# applied, and each change of one (`before`). Written once and never changed. A fact of the history that has no notice
# was applied when it came; one for each of these would double what ingest writes.
notices = Table(
    "notices",
    register_metadata,
    Column("notice_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("source", Text),
    Column("message_id", Text),
    Column("subject", Text),
    Column("type", Text),
    Column("letter_id", Text),
    Column("feed_id", Integer, nullable=False),
    Column("offset", BigInteger),
    Column("stream", Text),
    Column("version", BigInteger),
    Column("before", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("took_effect_at", Instant),
    Column("told_at", Instant, nullable=False),
)
_about_an_event = notices.c.stream.is_not(None)
Index(
    "notices_of_events",
    notices.c.stream,
    notices.c.version,
    sqlite_where=_about_an_event,
    postgresql_where=_about_an_event,
)

# How far each reactor has come: a number that only grows. `begun_at` is null until it was first run.
reactor_positions = Table(
    "reactor_positions",
    register_metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("begun_at", Instant),
)

# The encoded settlings of long streams, as they were after the event of this version: of use while that is the newest.
# Null when the stream has to be settled anew.
kept_settlings = Table(
    "kept_settlings",
    register_metadata,
    Column("stream", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("kept", LargeBinary),
)
