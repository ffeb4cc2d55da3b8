"""Logs on standard error: an event is one line of JSON, or coloured text on a terminal."""

import logging
import sys

import structlog

from infra.masking import masked
from infra.settings import Settings


def mask_passwords(_: object, __: str, logged: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor that masks the passwords in what is logged, tracebacks included."""
    return {name: masked(value) if isinstance(value, str) else value for name, value in logged.items()}


def configure_logs(settings: Settings) -> None:
    """Configure structlog for this process."""
    # Whoever uses kafka-python logs what goes wrong with it once, in our words.
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
            mask_passwords,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
