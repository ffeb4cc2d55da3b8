"""The meter: counts what happens in this process, for Prometheus. Off, it does nothing and imports nothing.

`prometheus_client` is imported by PrometheusMeter alone.
"""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, NamedTuple, Protocol

from infra.telemetry.metrics import METRICS, declared

MOST_SOURCES = 50
"""How many sources get a series of their own: upstreams choose their names, and each series costs memory."""
OTHER, UNKNOWN = "other", "unknown"


class Sample(NamedTuple):
    """One value of a gauge; `labels` are in the order of the declaration."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


class Meter(Protocol):
    """Counts and observes; every name and label is declared in infra/telemetry/metrics.py."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add a value to a histogram."""


class _NoMeter:
    """Implements Meter while nothing is served."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        pass

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        pass


NO_METER: Meter = _NoMeter()


class PrometheusMeter:
    """Implements Meter with prometheus_client. `text` is what Prometheus scrapes."""

    def __init__(self) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            GCCollector,
            Histogram,
            ProcessCollector,
            disable_created_metrics,
        )

        # They would double the series, and only tell when a series began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._instruments: dict[str, Any] = {}
        for metric in METRICS.values():
            if metric.kind == "counter":
                self._instruments[metric.name] = Counter(
                    metric.name, metric.meaning, metric.labels, registry=self._registry
                )
            elif metric.kind == "histogram":
                self._instruments[metric.name] = Histogram(
                    metric.name, metric.meaning, metric.labels, registry=self._registry, buckets=metric.buckets
                )

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        declared(name, frozenset(labels))
        self._child(name, labels).inc(amount)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        declared(name, frozenset(labels))
        self._child(name, labels).observe(value)

    def text(self, gauges: Callable[[], Iterable[Sample]]) -> bytes:
        """All metrics in Prometheus's text format; `gauges` are read now."""
        from prometheus_client import CollectorRegistry, generate_latest

        others = CollectorRegistry()
        others.register(_Gauges(gauges))
        return bytes(generate_latest(self._registry) + generate_latest(others))

    def _child(self, name: str, labels: dict[str, str]) -> Any:
        instrument = self._instruments[name]
        return instrument.labels(**labels) if labels else instrument


class _Gauges:
    """A collector of prometheus_client: gauges that are read, not kept."""

    def __init__(self, read: Callable[[], Iterable[Sample]]):
        self._read = read

    def describe(self) -> list[Any]:
        return []  # else registering would read

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import GaugeMetricFamily

        families: dict[str, Any] = {}
        for name, value, labels in self._read():
            metric = METRICS[name]
            if name not in families:
                families[name] = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
            families[name].add_metric(labels, value)
        return families.values()


def gauge(name: str, value: float, /, **labels: str) -> Sample:
    """A value of a declared gauge. Raises UndeclaredMetricError."""
    metric = declared(name, frozenset(labels))
    return Sample(name, value, tuple(labels[label] for label in metric.labels))


class SourceLabels:
    """Bounds how many sources are told apart: the first ones to come; a restart begins again."""

    def __init__(self, most: int = MOST_SOURCES):
        self._most = most
        self._known: set[str] = set()
        self._lock = Lock()

    def __call__(self, source: str | None) -> str:
        """The label of a message's source; None for a malformed message."""
        if source is None:
            return UNKNOWN
        if source in self._known:
            return source
        with self._lock:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(source)
        return source
