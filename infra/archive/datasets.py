"""What an archive has: its datasets, their columns, and what each column means.

A dataset has a kind, which says how a reader puts its files together. See docs/decisions/033-archive.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from infra.archive.manifest import Column

SCHEMA_VERSION = 1
"""The version of the datasets' columns; it grows when one is added, removed or changes its meaning."""


class Kind(StrEnum):
    """How the rows of a dataset's files belong together."""

    APPENDED = "appended"
    """All rows of all files. Rows never change."""
    CHANGED = "changed"
    """Of the rows with one key, that of the newest run counts. If it is `deleted`, there is none.

    A run may have the same row several times.
    """
    WHOLE = "whole"
    """All rows of all files, all of the newest run: each run writes them anew."""


class Type:
    """The Arrow types of columns, as their names are written in the manifest."""

    TEXT = "string"
    WHOLE = "int64"
    BOOLEAN = "bool"
    INSTANT = "timestamp[us, tz=UTC]"
    BYTES = "binary"
    RATE = "decimal128(38, 12)"


DELETED = "deleted"
"""The column of a dataset of changed rows that says that the store has the row no more."""


@dataclass(frozen=True)
class Dataset:
    """A dataset. `key` are the columns by which its rows differ, and `buckets` says whether it has buckets of streams.

    One that is appended has months of recording. `position` is the column by whose order its rows were written.
    """

    name: str
    kind: Kind
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    buckets: bool = False
    position: str | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _text(name: str, meaning: str) -> Column:
    return Column(name, Type.TEXT, False, meaning)


def _whole(name: str, meaning: str) -> Column:
    return Column(name, Type.WHOLE, False, meaning)


def _instant(name: str, meaning: str) -> Column:
    return Column(name, Type.INSTANT, False, meaning)


def _boolean(name: str, meaning: str) -> Column:
    return Column(name, Type.BOOLEAN, False, meaning)


def _bytes(name: str, meaning: str) -> Column:
    return Column(name, Type.BYTES, False, meaning)


def _or_null(column: Column) -> Column:
    return Column(column.name, column.type, True, column.meaning)


def _changed(*columns: Column, key: tuple[str, ...]) -> tuple[Column, ...]:
    """Columns with `deleted`: where that is true, all but the key's are null."""
    deleted = _boolean(DELETED, "Whether the store has the row no more; then all columns but the key's are null.")
    return (*(column if column.name in key else _or_null(column) for column in columns), deleted)


_MESSAGE = ("source", "message_id", "subject")
_KEY_OF_MESSAGE = (
    _text("source", "The source of the message."),
    _text("message_id", "Its id."),
    _text("subject", "The id of its subject."),
)
_FEED = _whole("feed_id", "The feed by which it came first.")
_LAST_FEED = _whole("last_feed_id", "The feed by which it came last.")
_OFFSET = _whole("offset", "Its offset in the partition, or its number in the file.")
_REPEATS = _whole("repeats", "How often it came again.")
_DISCARDED = _or_null(_instant("discarded_at", "When an operator discarded it."))
_BODY = _bytes("body", "Its bytes.")
_HEADERS = _text("headers", "Its headers, as JSON: pairs of a name and the value in hexadecimal digits.")

EVENTS = Dataset(
    "events",
    Kind.APPENDED,
    "One row for each event of the store.",
    (
        _whole("position", "The event's place among all events of the store."),
        _text("stream", "The stream, such as order-SO-10248."),
        _whole("version", "The event's number in its stream, from 1."),
        _text("topic", "The name of the event's class, such as order.placed."),
        _text("state", "The event as it is stored: JSON."),
        _or_null(_text("type", "The type of the message, such as order.placed.v1; null for an event that is none.")),
        _or_null(_instant("occurred_at", "The time of the message; null for an event that is none.")),
        _instant("recorded_at", "When it became known."),
        _text("source", "The source of the message that the event is or is about."),
        _text("message_id", "The id of that message."),
        _or_null(_text("correlation_id", "The correlation id of the message.")),
        _or_null(_text("causation_id", "The causation id of the message.")),
    ),
    buckets=True,
    position="position",
)

MESSAGES = Dataset(
    "messages",
    Kind.CHANGED,
    "One row for each well-formed message (the inbox), with its latest verdict.",
    _changed(
        *_KEY_OF_MESSAGE,
        _text("type", "Its type, such as order.placed.v1."),
        _FEED,
        _LAST_FEED,
        _OFFSET,
        _text("stream", "The stream of its event."),
        _whole("version", "The number of its event in the stream."),
        _text("verdict", "applied, duplicate, held or refused."),
        _text("reason", "Why, if it is not applied."),
        _or_null(_instant("took_effect_at", "From when on it counts; null if it does not.")),
        _boolean("voided", "Whether a void refused it."),
        _boolean("waits_in_room", "Whether it is a void that waits for the message that it names."),
        _or_null(_text("letter_id", "Its id as a dead letter or held message.")),
        _instant("recorded_at", "When it became known."),
        _instant("received_at", "When the service received it, by its clock."),
        _or_null(_instant("occurred_at", "Its time.")),
        _REPEATS,
        _whole("differing", "How often it came again with other content."),
        _DISCARDED,
        key=_MESSAGE,
    ),
    key=_MESSAGE,
    buckets=True,
)

RAW_MESSAGES = Dataset(
    "raw_messages",
    Kind.CHANGED,
    "The bytes of each message that was not applied at once.",
    _changed(*_KEY_OF_MESSAGE, _BODY, _HEADERS, key=_MESSAGE),
    key=_MESSAGE,
)

IGNORED_FIELDS = Dataset(
    "ignored_fields",
    Kind.CHANGED,
    "The ignored fields of each message that had some.",
    _changed(
        *_KEY_OF_MESSAGE,
        _text("type", "The type of the message."),
        _FEED,
        _text("names", "The paths of the fields: a JSON array."),
        key=_MESSAGE,
    ),
    key=_MESSAGE,
)

MALFORMED_MESSAGES = Dataset(
    "malformed_messages",
    Kind.CHANGED,
    "One row for each malformed message, whole.",
    _changed(
        _text("letter_id", "Its id as a dead letter."),
        _FEED,
        _LAST_FEED,
        _OFFSET,
        _text("reason", "Why it does not fit the contract."),
        _BODY,
        _HEADERS,
        _instant("received_at", "When it was recorded."),
        _or_null(_text("claimed_source", "The source that it claims, where that can be read.")),
        _or_null(_text("claimed_id", "The id that it claims.")),
        _or_null(_text("claimed_subject", "The subject that it claims.")),
        _or_null(_text("claimed_type", "The type that it claims.")),
        _or_null(_instant("claimed_time", "The time that it claims.")),
        _REPEATS,
        _DISCARDED,
        key=("letter_id",),
    ),
    key=("letter_id",),
)

NOTICES = Dataset(
    "notices",
    Kind.APPENDED,
    "The outbox of verdicts: each first verdict other than applied, and each change of one.",
    (
        _whole("notice_id", "The notice's number, in the order of the outbox."),
        _or_null(_text("source", "The source of the message; null for a malformed one.")),
        _or_null(_text("message_id", "Its id.")),
        _or_null(_text("subject", "The id of its subject.")),
        _or_null(_text("type", "Its type.")),
        _or_null(_text("letter_id", "Its id as a malformed message.")),
        _FEED,
        _or_null(_OFFSET),
        _or_null(_text("stream", "The stream of the event behind the notice; null for a repeat.")),
        _or_null(_whole("version", "The number of that event in the stream.")),
        _or_null(_text("before", "The verdict before a change.")),
        _text("verdict", "The verdict."),
        _text("reason", "Why."),
        _or_null(_instant("took_effect_at", "From when on the message counts.")),
        _instant("told_at", "When the verdict was given."),
    ),
    position="notice_id",
)

FEEDS = Dataset(
    "feeds",
    Kind.WHOLE,
    "One row for each feed (a partition, a reading of a file, a reactor) with its checkpoint and its books.",
    (
        _whole("feed_id", "The feed's number."),
        _text("topic", "Its topic or file."),
        _whole("partition", "The partition."),
        _whole("next_offset", "Its checkpoint: the offset of the next message."),
        _whole("bytes_read", "How many bytes of a file were read."),
        _whole("crc", "The CRC-32C of these bytes."),
        _instant("opened_at", "When it was opened."),
        _or_null(_instant("finished_at", "When it ended.")),
        *(_whole(verdict, f"How many of its messages are {verdict}.") for verdict in ("applied", "duplicate", "held")),
        *(_whole(verdict, f"How many of its messages are {verdict}.") for verdict in ("refused", "malformed")),
        _or_null(_text("topic_id", "Kafka's id of the topic.")),
        _or_null(_instant("moved_at", "When the checkpoint last moved.")),
    ),
    key=("feed_id",),
)

CLOCK_HOLDS = Dataset(
    "clock_holds",
    Kind.WHOLE,
    "The messages that are held because their time is ahead of the clock.",
    (*_KEY_OF_MESSAGE, _instant("held_until", "When the hold ends.")),
    key=_MESSAGE,
)

LETTERS_SET_ASIDE = Dataset(
    "letters_set_aside",
    Kind.WHOLE,
    "The dead letters that operators set aside.",
    (
        _text("letter_id", "The dead letter."),
        _text("how", "discarded, or edited: a corrected copy took its place."),
        _text("operator", "Who did it."),
        _text("reason", "Why."),
        _instant("at", "When."),
    ),
    key=("letter_id",),
)

REACTOR_POSITIONS = Dataset(
    "reactor_positions",
    Kind.WHOLE,
    "The checkpoint of each reactor and each outbox of the relay.",
    (
        _text("name", "Its name."),
        _whole("position", "How far it came."),
        _or_null(_instant("begun_at", "When it ran first.")),
    ),
    key=("name",),
)

DERIVED_MESSAGES = Dataset(
    "derived_messages",
    Kind.WHOLE,
    "What reactors have stated and can withdraw, and what they withdrew and remember.",
    (
        _text("reactor", "The reactor."),
        _text("key", "The subject to which it reacted."),
        *_KEY_OF_MESSAGE,
        _text("digest", "What identifies its content; empty: it was withdrawn."),
        _or_null(_text("cause", "What it follows from.")),
        _or_null(_instant("since", "Since when it follows.")),
    ),
    key=("reactor", "key", *_MESSAGE),
)

REACTION_WAKES = Dataset(
    "reaction_wakes",
    Kind.WHOLE,
    "The subjects to which reactors react again at an instant, even without a new message.",
    (
        _text("reactor", "The reactor."),
        _text("key", "The subject."),
        _instant("wake_at", "When."),
    ),
    key=("reactor", "key"),
)

REACTION_FAILURES = Dataset(
    "reaction_failures",
    Kind.WHOLE,
    "The subjects that reactors failed on and parked.",
    (
        _text("reactor", "The reactor."),
        _text("key", "The subject; empty: the reactor is stopped."),
        _whole("position", "The newest event that it had read."),
        _text("reason", "What was raised."),
        _instant("since", "When it failed first."),
    ),
    key=("reactor", "key"),
)

UNREADABLE_BATCHES = Dataset(
    "unreadable_batches",
    Kind.WHOLE,
    "The batches at which partitions are stuck.",
    (
        _whole("feed_id", "The feed."),
        _whole("offset", "The batch's first offset."),
        _whole("end_offset", "The offset after its last."),
        _text("reason", "Why it cannot be read."),
        _instant("since", "Since when."),
    ),
    key=("feed_id",),
)

LEFT_OUT_RECORDS = Dataset(
    "left_out_records",
    Kind.WHOLE,
    "The records that the relay left out because they are too large for their topics.",
    (
        _text("topic", "The topic."),
        _text("event_id", "The record's id."),
        _or_null(_text("key", "Its key.")),
        _whole("size", "Its bytes."),
        _whole("largest", "The most bytes that the topic takes."),
        _instant("since", "When it was left out."),
    ),
    key=("topic", "event_id"),
)

PAUSES = Dataset(
    "pauses",
    Kind.WHOLE,
    "The parts that operators have paused.",
    (
        _text("name", "The part."),
        _instant("since", "Since when."),
        _text("operator", "Who paused it."),
        _text("reason", "Why."),
    ),
    key=("name",),
)

EXCHANGE_RATES = Dataset(
    "exchange_rates",
    Kind.WHOLE,
    "The exchange rates that analysts filled in.",
    (
        _text("currency", "The currency of an amount."),
        _text("to_currency", "The currency to convert it to."),
        _text("valid_from", "From which day on, YYYY-MM-DD."),
        Column("rate", Type.RATE, False, "How much of to_currency is one of currency."),
        _text("source", "Who says so."),
    ),
    key=("currency", "to_currency", "valid_from"),
)

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        EVENTS,
        MESSAGES,
        RAW_MESSAGES,
        IGNORED_FIELDS,
        MALFORMED_MESSAGES,
        NOTICES,
        FEEDS,
        CLOCK_HOLDS,
        LETTERS_SET_ASIDE,
        REACTOR_POSITIONS,
        DERIVED_MESSAGES,
        REACTION_WAKES,
        REACTION_FAILURES,
        UNREADABLE_BATCHES,
        LEFT_OUT_RECORDS,
        PAUSES,
        EXCHANGE_RATES,
    )
}
"""All datasets, by name."""

NOT_ARCHIVED: Mapping[str, str] = {
    "snapshots": "made again from the events",
    "reaction_references": "made again from the events as they are restored",
    "pruned_streams": "the archive has the events of all orders, so none of it is pruned",
    "store_rules": "the manifest has the version of the rules",
    "api_keys": "keys stay with the store: an archive is for readers of history",
    "projection_positions": "views are made again from the events",
    "live_projections": "views are made again from the events",
    "projection_builds": "views are made again from the events",
    "projection_build_parts": "views are made again from the events",
    "projection_failures": "views are made again from the events",
    "business_month_starts": "made again from the time zone",
}
"""The tables of a store that are no dataset, and why."""
