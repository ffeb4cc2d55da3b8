"""The declarations of all metrics: name, kind, meaning and labels.

To add a metric, add a declaration to METRICS (and a new label to LABELS), then run `python -m infra.telemetry`, which
writes the tables of docs/signals.md. Counters and histograms are counted in the process (infra/telemetry/meter.py);
gauges marked `from_store` are read from the store and from Kafka when Prometheus scrapes (infra/signals/readings.py).
Setting or counting an undeclared name or label is an error.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]


@dataclass(frozen=True)
class Metric:
    """One metric. Durations are in seconds. `labels` are the only ones it has, each a key of LABELS.

    A counter's name ends in `_total`. `buckets` are the upper bounds of a histogram. With `from_store`, every process
    that serves metrics reports the same value, so a query must not add them up: take `max by (…)`.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    from_store: bool = False


LABELS = {
    "part": "The part of this process: `consume`, `project`, `react`, `relay` or `serve`.",
    "verdict": "`applied`, `duplicate`, `held`, `refused` or `malformed`; `waybill_messages` has `dead` "
    "for the last two.",
    "source": "The message's source; `other` after the first 50 sources, `unknown` for malformed messages.",
    "about": "What failed: `store` or `kafka`.",
    "projection": "The projection's name.",
    "version": "The version of a projection's rows; of `waybill_build_info`, of the package.",
    "rules": "The version of the rules by which messages are judged.",
    "schema": "The version of the store's schema.",
    "state": "Of a projection: `live`, `behind`, `filling`, `paused`, `failed` or another of `waybill status`; of "
    "connections: `in_use` or `idle`; of dead letters: `open` or `set_aside`.",
    "reactor": "A reactor, or an outbox of the relay, by the name of its checkpoint.",
    "topic": "The topic's name, or the file.",
    "partition": "The topic's partition.",
    "name": "What is paused.",
    "what": "`held`, `dead` or `parked`.",
    "route": "The template of the address, such as `/v1/events`; `other` for addresses that do not exist.",
    "status": "The class of the answer: `2xx`, `3xx`, `4xx` or `5xx`.",
    "reading": "A group of gauges that could not be read.",
}
"""The meaning of each label, in every metric."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0)

_DECLARED = (
    # -- counted in the process ------------------------------------------------------------------------------------
    Metric(
        "waybill_messages_received_total",
        "counter",
        "Messages stored by this process, by the verdict on receipt.",
        ("verdict", "source"),
    ),
    Metric(
        "waybill_batch_size",
        "histogram",
        "The size of each batch: messages (consume, serve), events (project, react) or records (relay).",
        ("part",),
        _SIZES,
    ),
    Metric("waybill_batch_seconds", "histogram", "How long each batch took.", ("part",), _SECONDS),
    Metric("waybill_retries_total", "counter", "Retries after a transient failure.", ("about",)),
    Metric("waybill_projection_failures_total", "counter", "Batches on which a projection failed.", ("projection",)),
    Metric("waybill_http_requests_total", "counter", "Requests answered over HTTP.", ("route", "status")),
    Metric(
        "waybill_http_request_seconds",
        "histogram",
        "How long a request waited for the beginning of its answer.",
        ("route",),
        _SECONDS,
    ),
    Metric("waybill_http_queue_messages", "gauge", "Posted messages that wait to be stored; absent without serve."),
    Metric("waybill_part_up", "gauge", "1 while the part's loop runs in this process, 0 after it died.", ("part",)),
    Metric("waybill_part_leads", "gauge", "1 if this process has the leadership of the part.", ("part",)),
    Metric("waybill_part_stuck", "gauge", "1 if `/readyz` says that the part is stuck.", ("part",)),
    Metric(
        "waybill_part_step_age_seconds",
        "gauge",
        "The time since the part last finished a step or found nothing to do.",
        ("part",),
    ),
    Metric("waybill_pool_connections", "gauge", "This process's pooled connections to the store.", ("state",)),
    Metric("waybill_build_info", "gauge", "Always 1; the labels say what runs.", ("version", "rules", "schema")),
    # -- read from the store and Kafka -----------------------------------------------------------------------------
    Metric("waybill_store_up", "gauge", "1 if the store answered, 0 if it did not."),
    Metric("waybill_kafka_up", "gauge", "1 if Kafka answered, 0 if it did not; absent if it was not asked."),
    Metric("waybill_reading_age_seconds", "gauge", "How old the values are that were read from the store."),
    Metric(
        "waybill_reading_failed",
        "gauge",
        "1 for each group of gauges that could not be read; its part is not ready then.",
        ("reading",),
    ),
    Metric("waybill_head_position", "gauge", "The position of the newest event.", from_store=True),
    Metric("waybill_head_age_seconds", "gauge", "The time since the newest event was recorded.", from_store=True),
    Metric("waybill_messages", "gauge", "The books: all messages, by their latest verdict.", ("verdict",), (), True),
    Metric(
        "waybill_dead_letters",
        "gauge",
        "Dead letters: open ones, and those set aside (voided, discarded, edited or superseded).",
        ("state",),
        from_store=True,
    ),
    Metric(
        "waybill_oldest_age_seconds",
        "gauge",
        "The age of the oldest held message, open dead letter or parked key; 0 if there is none.",
        ("what",),
        from_store=True,
    ),
    Metric("waybill_parked_keys", "gauge", "Parked subjects of a projection.", ("projection",), (), True),
    Metric(
        "waybill_projection_position",
        "gauge",
        "The position that the projection's rows reflect.",
        ("projection", "version"),
        from_store=True,
    ),
    Metric(
        "waybill_projection_lag_events",
        "gauge",
        "Events that the projection does not reflect yet.",
        ("projection", "version"),
        from_store=True,
    ),
    Metric(
        "waybill_projection_lag_seconds",
        "gauge",
        "The time since the oldest of these events was recorded; 0 if there is none.",
        ("projection", "version"),
        from_store=True,
    ),
    Metric(
        "waybill_projection_state",
        "gauge",
        "1 for the state that the projection is in.",
        ("projection", "version", "state"),
        from_store=True,
    ),
    Metric(
        "waybill_reactor_lag_events",
        "gauge",
        "What a reactor or an outbox has still to do.",
        ("reactor",),
        from_store=True,
    ),
    Metric(
        "waybill_reactor_lag_seconds",
        "gauge",
        "The time since the oldest of it was recorded or came due; 0 if there is none.",
        ("reactor",),
        from_store=True,
    ),
    Metric(
        "waybill_partition_next_offset",
        "gauge",
        "The store's checkpoint of the partition.",
        ("topic", "partition"),
        from_store=True,
    ),
    Metric(
        "waybill_partition_lag_messages",
        "gauge",
        "Records after the store's checkpoint.",
        ("topic", "partition"),
        from_store=True,
    ),
    Metric(
        "waybill_partition_lag_seconds",
        "gauge",
        "The age of the oldest of these records; 0 if there is none, absent if unknown.",
        ("topic", "partition"),
        from_store=True,
    ),
    Metric("waybill_unreadable_batches", "gauge", "Partitions that are stuck at an unreadable batch.", from_store=True),
    Metric("waybill_records_left_out", "gauge", "Records too large for their topics.", from_store=True),
    Metric(
        "waybill_rebuild_filled_ratio",
        "gauge",
        "How much of a projection a rebuild has filled: 0 to 1; absent if none was begun.",
        ("projection",),
        from_store=True,
    ),
    Metric(
        "waybill_rebuild_left_events",
        "gauge",
        "Events that a rebuild has still to read, until its rows serve.",
        ("projection",),
        from_store=True,
    ),
    Metric(
        "waybill_rebuild_age_seconds", "gauge", "The time since a rebuild was begun.", ("projection",), from_store=True
    ),
    Metric("waybill_paused", "gauge", "1 for each part or projection that an operator paused.", ("name",), (), True),
)

METRICS = {metric.name: metric for metric in _DECLARED}
"""Every metric by its name."""


class UndeclaredMetricError(Exception):
    """Something was measured that infra/telemetry/metrics.py does not declare."""


def declared(name: str, labels: frozenset[str]) -> Metric:
    """The declaration of a metric. Raises UndeclaredMetricError for another name, or other labels."""
    metric = METRICS.get(name)
    if metric is None:
        raise UndeclaredMetricError(f"metric {name!r} is not declared: add it to infra/telemetry/metrics.py")
    if labels != frozenset(metric.labels):
        raise UndeclaredMetricError(
            f"metric {name!r} has the labels {', '.join(metric.labels) or 'none'}, but was given "
            f"{', '.join(sorted(labels)) or 'none'}"
        )
    return metric
