"""Logs: one line of JSON an event in production, pretty on a terminal, always on standard error."""

import logging
import sys
from typing import Final

import structlog

from infra.settings import Settings

LOG_EVENTS: Final = {
    "batch_stored": "A batch of messages and all that follows from it was stored. (info)",
    "message_refused": "A message was refused when it came in. (warning)",
    "message_malformed": "A message that does not fit the contract was kept whole. (warning)",
    "batch_projected": "A batch of events was projected. (info)",
    "projection_moved": "Another projector wrote a batch first; this one goes on from there. (info)",
    "projector_active": "This process keeps the views up to date from now on. (info)",
    "relations_defined": "What analysts query was made, or made anew for this version. (info)",
    "relations_not_defined": "It could not be made anew; it stays as it was until waybill migrate. (warning)",
    "projector_standing_by": "Another process does; this one takes over when that one ends. (info)",
    "store_unavailable": "The store could not be reached, or others were in the way; it is tried again. (warning)",
    "stopped_without_store": "This process was told to stop while the store was away; nothing is half done. (info)",
    "ingest_finished": "A source was read to its end; `position` is that of its newest event. (info)",
    "feed_resumed": "A reading that was broken off goes on. (info)",
    "kafka_not_reached": "Kafka did not answer or did not acknowledge; it is tried again. (warning)",
    "consumer_waits": "Kafka, its topics, the group or the store are not as they must be; it is tried again. (error)",
    "consumer_resumed": "What the consumer waited for is there. (info)",
    "partition_taken_over": "The group gave this consumer a partition; it reads on from where the store is. (info)",
    "batch_dropped": "Another consumer has read on in a partition; what this one had read is dropped. (warning)",
    "messages_gone": "A partition begins after where the store is: so many messages were never read. (error)",
    "topic_recreated": "A topic was deleted and made anew; the partition is read from its beginning. (error)",
    "partitions_looked_at": "Nothing came for a while; so many messages are still to be read. (debug)",
    "offsets_not_committed": "Kafka was not told how far we are. Nothing rests on it but its lag tools. (info)",
    "relay_active": "This process tells others what took effect from now on. (info)",
    "relay_standing_by": "Another process does; this one takes over when that one ends. (info)",
    "relay_waits": "Topics that the relay writes to are missing; it looks again until they are there. (error)",
    "relay_moved": "Another relay told a batch first; this one goes on from there. (info)",
    "relay_stopped_early": "The relay was stopped while Kafka did not answer; it sends that batch again. (info)",
    "batch_relayed": "A batch was sent and is kept by Kafka. (info)",
    "record_too_large": "What the relay would send is larger than its topic takes, and was left out. (error)",
    "kafka_producer_closed_badly": "A producer that had failed complained when it was closed. (debug)",
}
"""Every event that is logged, and when."""


def configure_logs(settings: Settings) -> None:
    """Set structlog up for this process."""
    # What kafka-python complains about is told by those who use it, once and in our words.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    level = settings.log_level
    if level == "auto":
        level = "error" if sys.stderr.isatty() else "info"
    pretty = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
