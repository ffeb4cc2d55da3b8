"""Traces with OpenTelemetry, if it is installed (`waybill-fulfillment[otel]`) and WAYBILL_TRACES is set.

Otherwise a span costs nothing.

A message's `traceparent` is stored and relayed without any of this.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any


class Span:
    """A span that is open. An idle step drops its own: nothing happened in it."""

    dropped = False

    def drop(self) -> None:
        self.dropped = True


_NOTHING: AbstractContextManager[Span] = nullcontext(Span())
_tracer: Any = None


class TracingError(Exception):
    """Traces are asked for and cannot be made; the message says what to install."""


def trace_to(endpoint: str, version: str) -> None:
    """Send the spans of this process to an OTLP collector over HTTP, such as http://127.0.0.1:4318.

    Raises TracingError if OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as e:
        raise TracingError(f"WAYBILL_TRACES needs OpenTelemetry ({e}): install waybill-fulfillment[otel]") from e
    provider = TracerProvider(resource=Resource.create({"service.name": "waybill", "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace_with(provider)


def trace_with(provider: Any) -> None:
    """Make the spans with this TracerProvider; None makes none from now on."""
    global _tracer
    _tracer = None if provider is None else provider.get_tracer("waybill")


def span(name: str, **attributes: str | int) -> AbstractContextManager[Span]:
    """A span around some work of a batch, never of a single message."""
    return _NOTHING if _tracer is None else _span(name, attributes)


@contextmanager
def _span(name: str, attributes: dict[str, str | int]) -> Iterator[Span]:
    from opentelemetry import trace

    opened, kept = _tracer.start_span(name, attributes=attributes), Span()
    try:
        with trace.use_span(opened, end_on_exit=False, record_exception=True, set_status_on_exception=True):
            yield kept
    except BaseException:
        kept.dropped = False
        raise
    finally:
        if not kept.dropped:
            opened.end()
