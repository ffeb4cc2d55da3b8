"""The declarations of all log events: name, level, when it is logged, and fields.

To add an event, add a declaration to EVENTS (and a new field to FIELDS), then run `python -m infra.telemetry`, which
writes the tables of docs/events.md. Tests compare the code and that page with these declarations.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True)
class LogEvent:
    """One event: `meaning` says when it is logged; `fields` are the only ones it may have, each a key of FIELDS."""

    name: str
    level: Level
    meaning: str
    fields: tuple[str, ...] = ()


FIELDS = {
    "address": "The host and port; of the pages, the address of the first one.",
    "about": "What the consumer waits for: `kafka`, `topics`, `group` or `store`.",
    "archive": "The folder or URL of the archive, without password.",
    "attempt": "The number of attempts so far.",
    "batch": "The first offset of the batch.",
    "build": "The number of the build whose tables are in use.",
    "bytes": "The size of the record.",
    "correlation_id": "The message's correlation id, if it has one.",
    "derived": "How many messages the reactor stated.",
    "done": "The amount of work done.",
    "orders": "How many orders.",
    "end_offset": "The offset at which the partition ends.",
    "events": "How many events the batch, or the archive, has.",
    "first_offset": "The offset at which the partition begins.",
    "gone": "How many messages were never read.",
    "key": "The record's key, or the subject that is parked; null if the whole projection or reactor fails.",
    "lag": "How many messages are still to be read.",
    "event_id": "The id of the record; for a dead letter copy, the id of the letter.",
    "largest": "The topic's size limit, in bytes.",
    "message_id": "The message's id; null for a malformed message.",
    "next_offset": "The offset, or line, of the message to be read next.",
    "offset": "The message's offset, or line, counted from 0.",
    "operator": "Who paused it.",
    "outlet": "What the relay sends: `relay.events`, `relay.verdicts` or `relay.expired`.",
    "part": "The step of a migration (`subjects`, `malformed`) or rebuild (`checking`, `loading`, `filling`, "
    "`catching up`); the dataset of a restore or an archive; what `archive verify` reads (`rows`, `streams`, `books`, "
    "`store`); Spark's stage; what is paused.",
    "partition": "The topic's partition; 0 for a file.",
    "parts": "The parts of this process: consume, project, react, relay or serve.",
    "partitions": "The topics and partitions of the dropped messages.",
    "position": "The position of the newest event that was stored, projected, relayed or reacted to.",
    "projection": "The projection's name.",
    "reactor": "The reactor's name.",
    "rate": "How many events a second; null at the beginning.",
    "reading": "The group of gauges, such as projections or partitions.",
    "reason": "What went wrong, in one line.",
    "messages": "How many messages.",
    "received": "How many messages of the batch came from this feed.",
    "records": "How many records were sent.",
    "role": "`projector`, `reactor` or `relay`.",
    "seconds_left": "An estimate of the time left; null at the beginning.",
    "since": "Since when it is paused.",
    "source": "The message's source; null for a malformed message.",
    "start": "The position after which the batch begins.",
    "subject": "The message's subject; null for a malformed message.",
    "subjects": "How many subjects the events are about.",
    "topic": "The topic's name, or the file.",
    "total": "The total amount of work; null if unknown.",
    "tries_again_in": "The pause before the next attempt, in seconds.",
    "unacknowledged": "How many records Kafka did not acknowledge.",
    "version": "The version of the projection's rows, or of the rules; when a process starts, of waybill.",
    "withdrawn": "How many of the reactor's messages lost their reason.",
}
"""The meaning of each field, in every event."""

_OF_A_MESSAGE = (
    "topic",
    "partition",
    "batch",
    "position",
    "offset",
    "source",
    "message_id",
    "subject",
    "correlation_id",
    "reason",
)
_OF_A_PROJECTION = ("projection", "version", "key", "position", "reason")
_OF_A_PARTITION = ("topic", "partition", "next_offset", "first_offset", "end_offset")

_DECLARED = (
    LogEvent(
        "process_started",
        "info",
        "A long-running command starts; it has not opened the store yet.",
        ("version", "parts"),
    ),
    LogEvent(
        "batch_stored",
        "info",
        "A batch of messages and all its consequences were stored.",
        ("topic", "partition", "batch", "next_offset", "received", "position"),
    ),
    LogEvent("message_refused", "warning", "A message was refused when it came in.", _OF_A_MESSAGE),
    LogEvent("message_malformed", "warning", "A message that does not fit the contract was kept whole.", _OF_A_MESSAGE),
    LogEvent(
        "batch_projected",
        "info",
        "A batch of events was projected.",
        ("start", "position", "events", "subjects"),
    ),
    LogEvent(
        "projection_failed",
        "warning",
        "A projection failed on a batch; it is retried, and the others go on.",
        _OF_A_PROJECTION,
    ),
    LogEvent(
        "projection_key_parked",
        "error",
        "A projection goes on without this subject, whose rows stay as they were.",
        _OF_A_PROJECTION,
    ),
    LogEvent(
        "projection_stopped",
        "error",
        "Too many subjects of a projection fail; it stays where it is, and the others go on.",
        _OF_A_PROJECTION,
    ),
    LogEvent(
        "projection_resumed",
        "info",
        "A projection succeeded where it failed before.",
        _OF_A_PROJECTION,
    ),
    LogEvent(
        "reaction_failed",
        "warning",
        "A reactor failed on a batch; it is retried.",
        ("reactor", "position", "reason"),
    ),
    LogEvent(
        "reaction_key_parked",
        "error",
        "A reactor goes on without this key, whose messages stay as they were.",
        ("reactor", "key", "position", "reason"),
    ),
    LogEvent(
        "reaction_stopped",
        "error",
        "Too many keys of a reactor are parked; it stays at its position and is tried again once a minute.",
        ("reactor", "position", "reason"),
    ),
    LogEvent("reaction_resumed", "info", "A parked key was reacted to, or a reactor goes on.", ("reactor", "key")),
    LogEvent(
        "part_paused",
        "warning",
        "An operator paused this part of the service; it does nothing until it is resumed.",
        ("part", "since", "operator", "reason"),
    ),
    LogEvent("part_resumed", "info", "This part of the service goes on.", ("part",)),
    LogEvent("leadership_taken", "info", "This process has the leadership of its role from now on.", ("role",)),
    LogEvent(
        "standing_by", "info", "Another process has the leadership; this one takes over when that one ends.", ("role",)
    ),
    LogEvent(
        "checkpoint_moved",
        "info",
        "Another process of the role wrote a batch first; this one goes on from there.",
        ("role", "reason"),
    ),
    LogEvent("relations_defined", "info", "The relations that analysts query were created for this version."),
    LogEvent(
        "relations_not_defined",
        "warning",
        "The relations that analysts query could not be created; they stay as they were until waybill migrate.",
        ("reason",),
    ),
    LogEvent(
        "relations_of_other_versions",
        "info",
        "Other versions of the projections are live; until they are replaced, the relations that analysts query show "
        "their rows.",
    ),
    LogEvent(
        "projection_switched",
        "info",
        "The rows of a rebuild serve: queries, and the names that analysts query, read them from now on.",
        ("projection", "version", "build", "position"),
    ),
    LogEvent(
        "orders_pruned",
        "info",
        "The events of some closed orders left the store; the archive has them.",
        ("orders", "events", "archive"),
    ),
    LogEvent(
        "rebuild_progress",
        "info",
        "How far a rebuild is; some seconds apart, and at the end of each part.",
        ("part", "done", "total", "rate", "seconds_left"),
    ),
    LogEvent(
        "act_not_projected",
        "warning",
        "An act on a page is stored, but the store was then unavailable; the views follow when a projector runs.",
        ("reason",),
    ),
    LogEvent(
        "rebuild_failed",
        "error",
        "A rebuild that was begun on a page failed; the page tells it, too.",
        ("reason",),
    ),
    LogEvent(
        "drawing_script_not_made",
        "warning",
        "The script that draws the pages' charts could not be put together; the next page with charts tries again.",
        ("reason",),
    ),
    LogEvent(
        "progress_not_read",
        "warning",
        "How far rebuilds are could not be read; the page asks again.",
        ("reason",),
    ),
    LogEvent(
        "store_unavailable",
        "warning",
        "The store could not be reached, or another session blocked it; the work is retried.",
        ("reason", "attempt", "tries_again_in"),
    ),
    LogEvent(
        "stopped_without_store",
        "info",
        "This process was stopped while the store was unavailable; nothing is half done.",
        ("reason",),
    ),
    LogEvent(
        "store_resettling",
        "info",
        "waybill migrate settles subjects again by today's rules, or reads malformed messages again.",
        ("part", "done", "total"),
    ),
    LogEvent(
        "store_restoring",
        "info",
        "waybill restore has restored so many rows of a dataset; some seconds apart, and at the end of each dataset.",
        ("part", "done", "total"),
    ),
    LogEvent(
        "archive_progress",
        "info",
        "waybill archive has read so much of a dataset (positions of events and notices, else rows), or waybill archive"
        " verify of a part; some seconds apart, and at the end of each.",
        ("part", "done", "total"),
    ),
    LogEvent(
        "prune_progress",
        "info",
        "waybill prune has compared so many buckets of the archive with the store; `orders` can be pruned, or are.",
        ("part", "done", "total", "orders"),
    ),
    LogEvent(
        "spark_started",
        "info",
        "Spark runs, and begins to read so many events of an archive.",
        ("archive", "events"),
    ),
    LogEvent(
        "spark_progress",
        "info",
        "How many tasks of Spark's present stage are done, some seconds apart; `events` are all that are read.",
        ("part", "done", "total", "events"),
    ),
    LogEvent(
        "store_restored",
        "info",
        "waybill restore has restored everything and opened the store; `messages` are all that it had received.",
        ("position", "messages"),
    ),
    LogEvent(
        "rules_raised",
        "info",
        "All verdicts of the store follow these rules; `messages` have a new verdict.",
        ("version", "messages"),
    ),
    LogEvent("ingest_finished", "info", "A source was read to its end.", ("topic", "position")),
    LogEvent(
        "clock_holds_ended",
        "info",
        "Messages that were ahead of the clock were taken.",
        ("messages",),
    ),
    LogEvent("feed_resumed", "info", "An interrupted reading of a file continues.", ("topic", "next_offset")),
    LogEvent(
        "kafka_not_reached",
        "warning",
        "Kafka did not answer or did not acknowledge; this is retried.",
        ("reason", "unacknowledged"),
    ),
    LogEvent(
        "kafka_producer_closed_badly",
        "debug",
        "A producer that had failed reported an error when it was closed.",
        ("reason",),
    ),
    LogEvent(
        "partition_taken_over",
        "info",
        "The group assigned this consumer a partition; it continues from the checkpoint in the store.",
        ("topic", "partition", "next_offset"),
    ),
    LogEvent(
        "consumer_waits",
        "error",
        "Kafka, its topics, the group or the store are not ready; the consumer retries. Logged once.",
        ("about", "reason"),
    ),
    LogEvent("consumer_resumed", "info", "What the consumer waited for is ready.", ("about",)),
    LogEvent(
        "batch_dropped",
        "warning",
        "Another consumer has continued a partition; the messages that this one had read are dropped.",
        ("reason", "partitions"),
    ),
    LogEvent(
        "messages_gone",
        "error",
        "A partition begins after the checkpoint in the store: the messages between were never read.",
        (*_OF_A_PARTITION, "gone"),
    ),
    LogEvent(
        "topic_recreated",
        "error",
        "A topic was deleted and created again; the partition is read from its beginning. The offsets are given "
        "if only the partition's end revealed it.",
        _OF_A_PARTITION,
    ),
    LogEvent(
        "batch_unreadable",
        "error",
        "A batch of a partition cannot be read. The partition is stuck at `next_offset`, and the others go on; "
        "`waybill topics skip` skips it.",
        ("topic", "partition", "next_offset", "end_offset", "reason"),
    ),
    LogEvent("partitions_looked_at", "debug", "No message came for a while.", ("lag",)),
    LogEvent(
        "offsets_not_committed",
        "info",
        "Offsets could not be committed to Kafka. Only its lag tools need them.",
        ("reason",),
    ),
    LogEvent(
        "batch_reacted",
        "info",
        "A reactor reacted to a batch of events, or to dates that came due.",
        ("reactor", "start", "position", "events", "derived", "withdrawn"),
    ),
    LogEvent(
        "batch_relayed",
        "info",
        "A batch was sent and acknowledged.",
        ("outlet", "start", "position", "records"),
    ),
    LogEvent(
        "relay_waits",
        "error",
        "Topics that the relay writes to are missing; it retries until they exist.",
        ("reason",),
    ),
    LogEvent(
        "relay_stopped_early",
        "info",
        "The relay was stopped while Kafka did not answer; it sends that batch again.",
    ),
    LogEvent(
        "posts_not_stored",
        "error",
        "Messages that were posted could not be stored; whoever posted them was told, and can post them again.",
        ("reason",),
    ),
    LogEvent(
        "feed_not_finished",
        "error",
        "serve stopped and could not mark its feed as finished. Nothing depends on the mark.",
        ("reason",),
    ),
    LogEvent("pages_served", "info", "The HTTP API and the pages are served from now on.", ("address",)),
    LogEvent("metrics_served", "info", "/metrics, /healthz and /readyz are served from now on.", ("address",)),
    LogEvent(
        "reading_failed",
        "warning",
        "A group of gauges could not be read from the store, so its parts are not ready. Logged once.",
        ("reading", "reason"),
    ),
    LogEvent(
        "record_too_large",
        "error",
        "A record of the relay is too large for its topic and was left out; `waybill status` lists it.",
        ("topic", "key", "event_id", "bytes", "largest"),
    ),
    LogEvent(
        "request_failed",
        "error",
        "A request could not be answered, of the web or for /metrics, /healthz or /readyz.",
        ("reason",),
    ),
    LogEvent(
        "key_refused",
        "warning",
        "A request brought a key that is unknown, revoked or expired. Not logged for the many of one address.",
        ("address",),
    ),
    LogEvent(
        "state_folder_failed",
        "warning",
        "The state folder cannot be read or written: uses of keys are not noted, or sessions end with the process.",
        ("reason",),
    ),
)

EVENTS = {event.name: event for event in _DECLARED}
"""Every event by its name."""
