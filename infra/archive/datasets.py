"""What an archive has: its datasets, their columns, and what each column means. See docs/decisions/033-archive.md."""

from collections.abc import Mapping

from infra.archive.dataset import (
    Dataset,
    Kind,
    Type,
    boolean_column,
    bytes_column,
    changed_columns,
    instant_column,
    or_null,
    text_column,
    whole_column,
)
from infra.archive.manifest import Column

_MESSAGE = ("source", "message_id", "subject")
_KEY_OF_MESSAGE = (
    text_column("source", "The source of the message."),
    text_column("message_id", "Its id."),
    text_column("subject", "The id of its subject."),
)
_FEED = whole_column("feed_id", "The feed by which it came first.")
_LAST_FEED = whole_column("last_feed_id", "The feed by which it came last.")
_OFFSET = whole_column("offset", "Its offset in the partition, or its number in the file.")
_REPEATS = whole_column("repeats", "How often it came again.")
_DISCARDED = or_null(instant_column("discarded_at", "When an operator discarded it."))
_BODY = bytes_column("body", "Its bytes.")
_HEADERS = text_column("headers", "Its headers, as JSON: pairs of a name and the value in hexadecimal digits.")

EVENTS = Dataset(
    "events",
    Kind.APPENDED,
    "One row for each event of the store.",
    (
        whole_column("position", "The event's place among all events of the store."),
        text_column("stream", "The stream, such as order-SO-10248."),
        whole_column("version", "The event's number in its stream, from 1."),
        text_column("topic", "The name of the event's class, such as order.placed."),
        text_column("state", "The event as it is stored: JSON."),
        or_null(
            text_column("type", "The type of the message, such as order.placed.v1; null for an event that is none.")
        ),
        or_null(instant_column("occurred_at", "The time of the message; null for an event that is none.")),
        instant_column("recorded_at", "When it became known."),
        text_column("source", "The source of the message that the event is or is about."),
        text_column("message_id", "The id of that message."),
        or_null(text_column("correlation_id", "The correlation id of the message.")),
        or_null(text_column("causation_id", "The causation id of the message.")),
    ),
    buckets=True,
    position="position",
)

MESSAGES = Dataset(
    "messages",
    Kind.CHANGED,
    "One row for each well-formed message (the inbox), with its latest verdict.",
    changed_columns(
        *_KEY_OF_MESSAGE,
        text_column("type", "Its type, such as order.placed.v1."),
        _FEED,
        _LAST_FEED,
        _OFFSET,
        text_column("stream", "The stream of its event."),
        whole_column("version", "The number of its event in the stream."),
        text_column("verdict", "applied, duplicate, held or refused."),
        text_column("reason", "Why, if it is not applied."),
        or_null(instant_column("took_effect_at", "From when on it counts; null if it does not.")),
        boolean_column("voided", "Whether a void refused it."),
        boolean_column("waits_in_room", "Whether it is a void that waits for the message that it names."),
        or_null(text_column("letter_id", "Its id as a dead letter or held message.")),
        instant_column("recorded_at", "When it became known."),
        instant_column("received_at", "When the service received it, by its clock."),
        or_null(instant_column("occurred_at", "Its time.")),
        _REPEATS,
        whole_column("differing", "How often it came again with other content."),
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
    changed_columns(*_KEY_OF_MESSAGE, _BODY, _HEADERS, key=_MESSAGE),
    key=_MESSAGE,
)

IGNORED_FIELDS = Dataset(
    "ignored_fields",
    Kind.CHANGED,
    "The ignored fields of each message that had some.",
    changed_columns(
        *_KEY_OF_MESSAGE,
        text_column("type", "The type of the message."),
        _FEED,
        text_column("names", "The paths of the fields: a JSON array."),
        key=_MESSAGE,
    ),
    key=_MESSAGE,
)

MALFORMED_MESSAGES = Dataset(
    "malformed_messages",
    Kind.CHANGED,
    "One row for each malformed message, whole.",
    changed_columns(
        text_column("letter_id", "Its id as a dead letter."),
        _FEED,
        _LAST_FEED,
        _OFFSET,
        text_column("reason", "Why it does not fit the contract."),
        _BODY,
        _HEADERS,
        instant_column("received_at", "When it was recorded."),
        or_null(text_column("claimed_source", "The source that it claims, where that can be read.")),
        or_null(text_column("claimed_id", "The id that it claims.")),
        or_null(text_column("claimed_subject", "The subject that it claims.")),
        or_null(text_column("claimed_type", "The type that it claims.")),
        or_null(instant_column("claimed_time", "The time that it claims.")),
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
        whole_column("notice_id", "The notice's number, in the order of the outbox."),
        or_null(text_column("source", "The source of the message; null for a malformed one.")),
        or_null(text_column("message_id", "Its id.")),
        or_null(text_column("subject", "The id of its subject.")),
        or_null(text_column("type", "Its type.")),
        or_null(text_column("letter_id", "Its id as a malformed message.")),
        _FEED,
        or_null(_OFFSET),
        or_null(text_column("stream", "The stream of the event behind the notice; null for a repeat.")),
        or_null(whole_column("version", "The number of that event in the stream.")),
        or_null(text_column("before", "The verdict before a change.")),
        text_column("verdict", "The verdict."),
        text_column("reason", "Why."),
        or_null(instant_column("took_effect_at", "From when on the message counts.")),
        instant_column("told_at", "When the verdict was given."),
    ),
    position="notice_id",
)

FEEDS = Dataset(
    "feeds",
    Kind.WHOLE,
    "One row for each feed (a partition, a reading of a file, a reactor) with its checkpoint and its books.",
    (
        whole_column("feed_id", "The feed's number."),
        text_column("topic", "Its topic or file."),
        whole_column("partition", "The partition."),
        whole_column("next_offset", "Its checkpoint: the offset of the next message."),
        whole_column("bytes_read", "How many bytes of a file were read."),
        whole_column("crc", "The CRC-32C of these bytes."),
        instant_column("opened_at", "When it was opened."),
        or_null(instant_column("finished_at", "When it ended.")),
        *(
            whole_column(verdict, f"How many of its messages are {verdict}.")
            for verdict in ("applied", "duplicate", "held", "refused", "malformed")
        ),
        or_null(text_column("topic_id", "Kafka's id of the topic.")),
        or_null(instant_column("moved_at", "When the checkpoint last moved.")),
    ),
    key=("feed_id",),
)

CLOCK_HOLDS = Dataset(
    "clock_holds",
    Kind.WHOLE,
    "The messages that are held because their time is ahead of the clock.",
    (*_KEY_OF_MESSAGE, instant_column("held_until", "When the hold ends.")),
    key=_MESSAGE,
)

LETTERS_SET_ASIDE = Dataset(
    "letters_set_aside",
    Kind.WHOLE,
    "The dead letters that operators set aside.",
    (
        text_column("letter_id", "The dead letter."),
        text_column("how", "discarded, or edited: a corrected copy took its place."),
        text_column("operator", "Who did it."),
        text_column("reason", "Why."),
        instant_column("at", "When."),
    ),
    key=("letter_id",),
)

REACTOR_POSITIONS = Dataset(
    "reactor_positions",
    Kind.WHOLE,
    "The checkpoint of each reactor and each outbox of the relay.",
    (
        text_column("name", "Its name."),
        whole_column("position", "How far it came."),
        or_null(instant_column("begun_at", "When it ran first.")),
    ),
    key=("name",),
)

DERIVED_MESSAGES = Dataset(
    "derived_messages",
    Kind.WHOLE,
    "What reactors have stated and can withdraw, and what they withdrew and remember.",
    (
        text_column("reactor", "The reactor."),
        text_column("key", "The subject to which it reacted."),
        *_KEY_OF_MESSAGE,
        text_column("digest", "What identifies its content; empty: it was withdrawn."),
        or_null(text_column("cause", "What it follows from.")),
        or_null(instant_column("since", "Since when it follows.")),
    ),
    key=("reactor", "key", *_MESSAGE),
)

REACTION_WAKES = Dataset(
    "reaction_wakes",
    Kind.WHOLE,
    "The subjects to which reactors react again at an instant, even without a new message.",
    (
        text_column("reactor", "The reactor."),
        text_column("key", "The subject."),
        instant_column("wake_at", "When."),
    ),
    key=("reactor", "key"),
)

REACTION_FAILURES = Dataset(
    "reaction_failures",
    Kind.WHOLE,
    "The subjects that reactors failed on and parked.",
    (
        text_column("reactor", "The reactor."),
        text_column("key", "The subject; empty: the reactor is stopped."),
        whole_column("position", "The newest event that it had read."),
        text_column("reason", "What was raised."),
        instant_column("since", "When it failed first."),
    ),
    key=("reactor", "key"),
)

UNREADABLE_BATCHES = Dataset(
    "unreadable_batches",
    Kind.WHOLE,
    "The batches at which partitions are stuck.",
    (
        whole_column("feed_id", "The feed."),
        whole_column("offset", "The batch's first offset."),
        whole_column("end_offset", "The offset after its last."),
        text_column("reason", "Why it cannot be read."),
        instant_column("since", "Since when."),
    ),
    key=("feed_id",),
)

LEFT_OUT_RECORDS = Dataset(
    "left_out_records",
    Kind.WHOLE,
    "The records that the relay left out because they are too large for their topics.",
    (
        text_column("topic", "The topic."),
        text_column("event_id", "The record's id."),
        or_null(text_column("key", "Its key.")),
        whole_column("size", "Its bytes."),
        whole_column("largest", "The most bytes that the topic takes."),
        instant_column("since", "When it was left out."),
    ),
    key=("topic", "event_id"),
)

PAUSES = Dataset(
    "pauses",
    Kind.WHOLE,
    "The parts that operators have paused.",
    (
        text_column("name", "The part."),
        instant_column("since", "Since when."),
        text_column("operator", "Who paused it."),
        text_column("reason", "Why."),
    ),
    key=("name",),
)

EXCHANGE_RATES = Dataset(
    "exchange_rates",
    Kind.WHOLE,
    "The exchange rates that analysts filled in.",
    (
        text_column("currency", "The currency of an amount."),
        text_column("to_currency", "The currency to convert it to."),
        text_column("valid_from", "From which day on, YYYY-MM-DD."),
        Column("rate", Type.RATE, False, "How much of to_currency is one of currency."),
        text_column("source", "Who says so."),
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
