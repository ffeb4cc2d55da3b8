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
    "projector_standing_by": "Another process does; this one takes over when that one ends. (info)",
    "store_away": "The store could not be reached, or others were in the way; it is tried again. (warning)",
    "ingest_finished": "A source was read to its end; `position` is that of its newest event. (info)",
    "feed_resumed": "A reading that was broken off goes on. (info)",
}
"""Every event that is logged, and when."""


def configure_logs(settings: Settings) -> None:
    """Set structlog up for this process."""
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
