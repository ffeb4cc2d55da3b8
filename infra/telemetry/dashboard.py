"""The Grafana dashboard, infra/deploy/grafana-dashboard.json, written from the panels declared here.

To change it, change PANELS, then run `python -m infra.telemetry`. Every metric in a query is declared in
infra/telemetry/metrics.py; a test compares.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

WIDTH = 24
"""The columns of Grafana's grid."""
HEIGHT = 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Unit = Literal["short", "s", "ops", "none"]


class Query(NamedTuple):
    """A query in PromQL; `legend` names its series."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """A panel of the dashboard; three stand in a row. `kind` is Grafana's type of panel."""

    title: str
    meaning: str
    unit: Unit
    queries: Sequence[Query]
    kind: Literal["timeseries", "stat"] = "timeseries"


ROWS: Sequence[tuple[str, Sequence[Panel]]] = (
    (
        "Is it well?",
        (
            Panel(
                "Store and Kafka",
                "1 while they answer.",
                "none",
                (
                    Query("min(waybill_store_up)", "store"),
                    Query("min(waybill_kafka_up)", "kafka"),
                ),
                "stat",
            ),
            Panel(
                "Parts",
                "How many processes run each part, how many lead, and how many are stuck.",
                "none",
                (
                    Query("sum by (part) (waybill_part_up)", "{{part}} runs"),
                    Query("sum by (part) (waybill_part_leads)", "{{part}} leads"),
                    Query("sum by (part) (waybill_part_stuck)", "{{part}} stuck"),
                ),
                "stat",
            ),
            Panel(
                "Paused, stopped, parked, unreadable",
                "What waits for a person.",
                "none",
                (
                    Query("max by (name) (waybill_paused)", "{{name}} paused"),
                    Query('max by (projection) (waybill_projection_state{state="failed"})', "{{projection}} stopped"),
                    Query("max by (projection) (waybill_parked_keys)", "{{projection}} parked"),
                    Query("max(waybill_unreadable_batches)", "unreadable batches"),
                    Query("max(waybill_records_left_out)", "records left out"),
                ),
                "stat",
            ),
        ),
    ),
    (
        "Messages",
        (
            Panel(
                "Received, by verdict",
                "Messages a second, as they were judged on receipt.",
                "ops",
                (Query("sum by (verdict) (rate(waybill_messages_received_total[5m]))", "{{verdict}}"),),
            ),
            Panel(
                "Received, by source",
                "Messages a second.",
                "ops",
                (Query("topk(10, sum by (source) (rate(waybill_messages_received_total[5m])))", "{{source}}"),),
            ),
            Panel(
                "Not applied, by source",
                "Refused and malformed messages a second.",
                "ops",
                (
                    Query(
                        'sum by (source) (rate(waybill_messages_received_total{verdict=~"refused|malformed"}[5m]))',
                        "{{source}}",
                    ),
                ),
            ),
            Panel(
                "The books",
                "All messages, by their latest verdict.",
                "short",
                (Query("max by (verdict) (waybill_messages)", "{{verdict}}"),),
            ),
            Panel(
                "Dead letters",
                "Open ones, and those set aside.",
                "short",
                (Query("max by (state) (waybill_dead_letters)", "{{state}}"),),
            ),
            Panel(
                "Oldest",
                "The age of the oldest held message, open dead letter and parked subject.",
                "s",
                (Query("max by (what) (waybill_oldest_age_seconds)", "{{what}}"),),
            ),
        ),
    ),
    (
        "Lag",
        (
            Panel(
                "Head of the store",
                "The time since the newest event was recorded.",
                "s",
                (Query("min(waybill_head_age_seconds)", "age"),),
            ),
            Panel(
                "Events stored",
                "Positions a second.",
                "ops",
                (Query("max(deriv(waybill_head_position[5m]))", "events"),),
            ),
            Panel(
                "Partitions, in messages",
                "Records after the store's checkpoint.",
                "short",
                (Query("max by (topic, partition) (waybill_partition_lag_messages)", "{{topic}}/{{partition}}"),),
            ),
            Panel(
                "Partitions, in seconds",
                "The age of the oldest of them.",
                "s",
                (Query("max by (topic, partition) (waybill_partition_lag_seconds)", "{{topic}}/{{partition}}"),),
            ),
            Panel(
                "Checkpoints",
                "Offsets a second.",
                "ops",
                (
                    Query(
                        "max by (topic, partition) (deriv(waybill_partition_next_offset[5m]))",
                        "{{topic}}/{{partition}}",
                    ),
                ),
            ),
            Panel(
                "Projections, in events",
                "Events that are not shown yet.",
                "short",
                (Query("max by (projection, version) (waybill_projection_lag_events)", "{{projection}} {{version}}"),),
            ),
            Panel(
                "Projections, in seconds",
                "The age of the oldest of them.",
                "s",
                (Query("max by (projection, version) (waybill_projection_lag_seconds)", "{{projection}} {{version}}"),),
            ),
            Panel(
                "Rebuilds",
                "How much is filled.",
                "none",
                (Query("max by (projection) (waybill_rebuild_filled_ratio)", "{{projection}}"),),
            ),
            Panel(
                "Rebuilds, events left",
                "Until the new rows serve.",
                "short",
                (Query("max by (projection) (waybill_rebuild_left_events)", "{{projection}}"),),
            ),
            Panel(
                "Reactors and relay, in events",
                "What they have still to do.",
                "short",
                (Query("max by (reactor) (waybill_reactor_lag_events)", "{{reactor}}"),),
            ),
            Panel(
                "Reactors and relay, in seconds",
                "The age of the oldest of it.",
                "s",
                (Query("max by (reactor) (waybill_reactor_lag_seconds)", "{{reactor}}"),),
            ),
        ),
    ),
    (
        "HTTP",
        (
            Panel(
                "Requests",
                "A second, by the class of the answer.",
                "ops",
                (Query("sum by (status) (rate(waybill_http_requests_total[5m]))", "{{status}}"),),
            ),
            Panel(
                "Answers, 95th percentile",
                "How long a request waits for the beginning of its answer.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (route, le) (rate(waybill_http_request_seconds_bucket[5m])))",
                        "{{route}}",
                    ),
                ),
            ),
            Panel(
                "Waiting posts",
                "Messages that wait to be stored, in each process.",
                "short",
                (Query("waybill_http_queue_messages", "{{instance}}"),),
            ),
        ),
    ),
    (
        "Work",
        (
            Panel(
                "Batches, 95th percentile",
                "How long a batch takes.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (part, le) (rate(waybill_batch_seconds_bucket[5m])))",
                        "{{part}}",
                    ),
                ),
            ),
            Panel(
                "Batch size, mean",
                "Messages, events or records.",
                "short",
                (
                    Query(
                        "sum by (part) (rate(waybill_batch_size_sum[5m]))"
                        " / sum by (part) (rate(waybill_batch_size_count[5m]))",
                        "{{part}}",
                    ),
                ),
            ),
            Panel(
                "Retries and failures",
                "A second.",
                "ops",
                (
                    Query("sum by (about) (rate(waybill_retries_total[5m]))", "retries: {{about}}"),
                    Query("sum by (projection) (rate(waybill_projection_failures_total[5m]))", "{{projection}} failed"),
                ),
            ),
            Panel(
                "Connections to the store",
                "Pooled connections, in use and idle.",
                "short",
                (Query("sum by (state) (waybill_pool_connections)", "{{state}}"),),
            ),
            Panel(
                "Readings",
                "How old the values are that were read from the store, and the groups that could not be read.",
                "s",
                (
                    Query("max(waybill_reading_age_seconds)", "age"),
                    Query("max by (reading) (waybill_reading_failed)", "{{reading}} failed"),
                ),
            ),
            Panel(
                "Memory",
                "Of each process.",
                "short",
                (Query("process_resident_memory_bytes", "{{instance}}"),),
            ),
        ),
    ),
)


def queries() -> list[str]:
    """Every query of the dashboard."""
    return [query.expr for _, panels in ROWS for panel in panels for query in panel.queries]


def dashboard() -> str:
    """The dashboard as JSON, to be imported into Grafana."""
    drawn: list[dict[str, Any]] = []
    y = 0
    for title, panels in ROWS:
        drawn.append(_row(len(drawn) + 1, title, y))
        y += 1
        for number, panel in enumerate(panels):
            x = number % 3 * (WIDTH // 3)
            drawn.append(_panel(len(drawn) + 1, panel, x, y + number // 3 * HEIGHT))
        y += (len(panels) + 2) // 3 * HEIGHT
    whole = {
        "title": "Waybill",
        "uid": "waybill",
        "tags": ["waybill"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": drawn,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _row(number: int, title: str, y: int) -> dict[str, Any]:
    place = {"h": 1, "w": WIDTH, "x": 0, "y": y}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
        for index, query in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH // 3, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": targets,
    }
