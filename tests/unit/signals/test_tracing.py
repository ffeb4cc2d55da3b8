"""Traces are made if they are asked for; without OpenTelemetry nothing changes."""

import builtins
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infra.signals.pulse import Pulse
from infra.telemetry.tracing import TracingError, span, trace_to, trace_with


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_with(provider)
    yield exporter
    trace_with(None)


def test_a_step_that_does_something_is_a_span_with_the_spans_of_its_work(spans: InMemorySpanExporter) -> None:
    pulse = Pulse("project")
    with pulse.step() as step, span("waybill project batch", events=3):
        step.busy = True
    inner, outer = spans.get_finished_spans()
    assert (inner.name, outer.name) == ("waybill project batch", "waybill project")
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert dict(inner.attributes or {}) == {"events": 3}


def test_an_idle_step_is_none(spans: InMemorySpanExporter) -> None:
    with Pulse("project").step():
        pass
    assert spans.get_finished_spans() == ()


def test_a_step_that_fails_is_a_span_with_its_error(spans: InMemorySpanExporter) -> None:
    with pytest.raises(OSError, match="away"), Pulse("relay").step():
        raise OSError("away")
    (failed,) = spans.get_finished_spans()
    assert not failed.status.is_ok
    assert [event.name for event in failed.events] == ["exception"]


def test_off_there_is_no_span() -> None:
    with span("waybill project batch", events=3) as opened:
        opened.drop()


def test_asking_for_traces_without_opentelemetry_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(f"No module named {name!r}")
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TracingError, match=r"waybill-fulfillment\[otel\]"):
        trace_to("http://127.0.0.1:4318", "1")
    with span("waybill project batch"):
        pass
