"""Logs on standard error: an event is one line of JSON, or coloured text on a terminal."""

import logging
import os
import sys

import structlog
from structlog.typing import EventDict

from infra.masking import masked
from infra.printable import printable, printable_line
from infra.settings import Settings
from infra.telemetry.declared import check_declared

CHECKED = "WAYBILL_CHECK_LOGS"
"""An environment variable; if it is set, as in tests, logging an undeclared event is an error."""


def mask_passwords(_: object, __: str, logged: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor that masks passwords in log events, including tracebacks."""
    return {name: masked(value) if isinstance(value, str) else value for name, value in logged.items()}


def configure_logs(settings: Settings) -> None:
    """Configure structlog for this process."""
    # Our own code logs kafka-python's errors once, so its logger is silenced.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    level = settings.log_level
    if level == "auto":
        level = "error" if sys.stderr.isatty() else "info"
    pretty = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    # JSON escapes everything that is not ASCII.
    renderers: list[structlog.typing.Processor] = (
        [_printable_values, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if pretty
        else [structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            *((check_declared,) if os.environ.get(CHECKED) else ()),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_passwords,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _printable_values(_: object, __: str, line: EventDict) -> EventDict:
    """Lines contain text from upstreams, which a terminal would obey."""
    return {
        name: (printable if name == "exception" else printable_line)(value) if isinstance(value, str) else value
        for name, value in line.items()
    }
