"""The register's tables. Columns that ingest writes follow from the typed rows."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, false

from consumers.ingest.register import MessageKey
from consumers.sources.source import FeedPosition
from domain.verdict import Verdict
from infra.store.register.rows import (
    ClockHoldRow,
    IgnoredFieldsRow,
    MalformedMessageRow,
    MessageRow,
    NoticeRow,
    RawMessageRow,
    SnapshotRow,
)
from infra.store.register.typed_columns import columns_of
from projections.views.columns import Instant

register_metadata = MetaData()

# One row a partition of a topic, or a reading of a file. The books are in the same row, so that writers of different
# feeds do not wait for one counter.
feeds = Table(
    "feeds",
    register_metadata,
    Column("feed_id", Integer, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False, default=0, server_default="0") for name in FeedPosition._fields),
    Column("opened_at", Instant, nullable=False),
    Column("finished_at", Instant),
    *(Column(verdict.value, Integer, nullable=False, default=0, server_default="0") for verdict in Verdict),
    # Kafka's id of the topic: a topic that is created again has a new id. Null for a file, or if unknown.
    Column("topic_id", Text),
    # When the checkpoint last moved; null for a feed that has not moved since store version 0009.
    Column("moved_at", Instant),
)
Index(
    "feeds_unfinished",
    feeds.c.topic,
    feeds.c.partition,
    sqlite_where=feeds.c.finished_at.is_(None),
    postgresql_where=feeds.c.finished_at.is_(None),
)

# The inbox: every well-formed message received, with its latest verdict. `repeats` counts how often it came again,
# `differing` how often with other content. `letter_id` is set while the message is held or refused. Whether a void
# waits in a waiting room for the message that it names.
messages = Table(
    "messages",
    register_metadata,
    *columns_of(MessageRow, key=MessageKey._fields),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("differing", Integer, nullable=False, server_default="0"),
    Column("discarded_at", Instant),
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
"""The exact condition of that index: SQLite uses the index for queries that contain it."""
Index("messages_untaken", messages.c.subject, sqlite_where=_not_applied, postgresql_where=_not_applied)
Index("messages_by_letter_id", messages.c.letter_id, sqlite_where=_not_applied, postgresql_where=_not_applied)
Index(
    "messages_in_waiting_rooms",
    messages.c.subject,
    sqlite_where=messages.c.waits_in_room != false(),
    postgresql_where=messages.c.waits_in_room,
)

raw_messages = Table("raw_messages", register_metadata, *columns_of(RawMessageRow, key=MessageKey._fields))

# Clock holds; small and mostly empty.
clock_holds = Table("clock_holds", register_metadata, *columns_of(ClockHoldRow, key=MessageKey._fields))
Index("clock_holds_by_instant", clock_holds.c.held_until)

ignored_fields = Table("ignored_fields", register_metadata, *columns_of(IgnoredFieldsRow, key=MessageKey._fields))
Index("ignored_fields_by_feed", ignored_fields.c.feed_id)

malformed_messages = Table(
    "malformed_messages",
    register_metadata,
    *columns_of(MalformedMessageRow, key=["letter_id"]),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("discarded_at", Instant),
)
_says_whose = malformed_messages.c.claimed_subject.is_not(None)
Index(
    "malformed_messages_by_claim",
    malformed_messages.c.claimed_subject,
    sqlite_where=_says_whose,
    postgresql_where=_says_whose,
)

# Who set a dead letter aside, and why: `how` is "discarded" or "edited" (a corrected copy took its place). The letter
# itself has the instant as `discarded_at`.
letters_set_aside = Table(
    "letters_set_aside",
    register_metadata,
    Column("letter_id", Text, primary_key=True),
    Column("how", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# The outbox of verdicts, in the order in which they were given: each first verdict other than applied, each changed
# verdict (`before`), and each malformed message that is superseded (`before` is malformed). Rows are never changed. A
# fact without a notice was applied on receipt; a notice for each of these would double the writes of ingest.
notices = Table(
    "notices",
    register_metadata,
    Column("notice_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    *columns_of(NoticeRow),
)
_about_an_event = notices.c.stream.is_not(None)
Index(
    "notices_of_events",
    notices.c.stream,
    notices.c.version,
    sqlite_where=_about_an_event,
    postgresql_where=_about_an_event,
)

# The checkpoint of each reactor: a number that only grows. `begun_at` is null until its first run.
reactor_positions = Table(
    "reactor_positions",
    register_metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("begun_at", Instant),
)

# An unreadable batch at which a feed is stuck. A row counts while the feed's checkpoint is its `offset`: moving the
# checkpoint means that the batch was read or skipped.
unreadable_batches = Table(
    "unreadable_batches",
    register_metadata,
    Column("feed_id", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, nullable=False),
    Column("end_offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

# Records that the relay left out because they are too large for their topics. `event_id` is the record's id, or the
# letter id of a dead letter copy.
left_out_records = Table(
    "left_out_records",
    register_metadata,
    Column("topic", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("key", Text),
    Column("size", BigInteger, nullable=False),
    Column("largest", BigInteger, nullable=False),
    Column("since", Instant, nullable=False),
)

snapshots = Table("snapshots", register_metadata, *columns_of(SnapshotRow, key=["stream"]))

# One row: the version of the rules that the store's verdicts follow (domain/rules_version.py). While `waybill migrate`
# settles subjects again, `resettled_to` is the last stream that is done, in the order of names (empty: none); null when
# all are done.
store_rules = Table(
    "store_rules",
    register_metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("resettled_to", Text),
)
