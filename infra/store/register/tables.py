"""The register's tables, beside the library's events. Columns that ingest writes are those of the typed rows."""

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

# One row a partition of a topic, or a reading of a file. The books stand in the same row, so that writers of different
# feeds do not queue for one counter.
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
    # Kafka's own id of the topic: one that is deleted and made anew has another. Null of a file, or not known yet.
    Column("topic_id", Text),
    # When the position moved last; null of a feed that has not moved since store version 0009.
    Column("moved_at", Instant),
)
Index(
    "feeds_unfinished",
    feeds.c.topic,
    feeds.c.partition,
    sqlite_where=feeds.c.finished_at.is_(None),
    postgresql_where=feeds.c.finished_at.is_(None),
)

# The inbox: every well-formed message that ever came in, with its latest verdict. `repeats` counts how often it came
# again, `differing` how often of these with other content. `letter_id` is there while the message is held or refused.
# A void waits in a room while what it names is unknown.
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
"""Word for word what that index says: SQLite uses it for a question that has this among its conditions."""
Index("messages_untaken", messages.c.subject, sqlite_where=_not_applied, postgresql_where=_not_applied)
Index(
    "messages_in_waiting_rooms",
    messages.c.subject,
    sqlite_where=messages.c.waits_in_room != false(),
    postgresql_where=messages.c.waits_in_room,
)

raw_messages = Table("raw_messages", register_metadata, *columns_of(RawMessageRow, key=MessageKey._fields))

# Small and mostly empty: what the clock still holds, to be found when it is due.
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

# The outbox of verdicts, in the order in which they became known: each verdict on receipt other than applied, and each
# change of one (`before`). A row is written once and never changed. A fact of the history without a notice was applied
# when it came; a notice for each of these would double what ingest writes.
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

# How far each reactor has come: a number that only grows. `begun_at` is null until it was first run.
reactor_positions = Table(
    "reactor_positions",
    register_metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("begun_at", Instant),
)

# A batch at which the reading of a feed stands still, since it cannot be read. A row counts for as long as the feed's
# position is its `offset`: whoever moves the position has read the batch or stepped over it.
unreadable_batches = Table(
    "unreadable_batches",
    register_metadata,
    Column("feed_id", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, nullable=False),
    Column("end_offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

# What the relay left out, since its topic takes no record of that size. `event_id` is the record's id, of a copy of a
# dead letter that of the letter.
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

# One row: the version of the rules by which the store's verdicts are written (domain/rules_version.py). While `waybill
# migrate` settles again what earlier rules judged, `resettled_to` is the last stream that is done, in the order of
# their names (empty: none is); null when all are.
store_rules = Table(
    "store_rules",
    register_metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("resettled_to", Text),
)
