"""The meter: declared names alone, a bounded number of sources, and nothing at all while it is off."""

import subprocess
import sys

import pytest

from infra.telemetry.meter import NO_METER, OTHER, UNKNOWN, PrometheusMeter, SourceLabels, gauge
from infra.telemetry.metrics import LABELS, METRICS, UndeclaredMetricError


def test_counts_by_label() -> None:
    meter = PrometheusMeter()
    meter.count("waybill_messages_received_total", 3, verdict="applied", source="crm")
    meter.observe("waybill_batch_size", 40, part="consume")

    text = meter.text(lambda: [gauge("waybill_paused", 1, name="relay")]).decode()

    assert 'waybill_messages_received_total{source="crm",verdict="applied"} 3.0' in text
    assert 'waybill_batch_size_bucket{le="50.0",part="consume"} 1.0' in text
    assert 'waybill_paused{name="relay"} 1.0' in text
    assert "_created" not in text


def test_an_undeclared_metric_or_label_is_an_error() -> None:
    meter = PrometheusMeter()
    with pytest.raises(UndeclaredMetricError, match="waybill_nothing"):
        meter.count("waybill_nothing")
    with pytest.raises(UndeclaredMetricError, match="has the labels part"):
        meter.observe("waybill_batch_size", 1)
    with pytest.raises(UndeclaredMetricError, match="has the labels none"):
        gauge("waybill_store_up", 1, part="consume")


def test_sources_beyond_the_most_share_one_label() -> None:
    label = SourceLabels(most=2)
    assert [label(source) for source in ("crm", "erp", "web", "crm", None)] == ["crm", "erp", OTHER, "crm", UNKNOWN]


def test_every_label_is_explained_and_used() -> None:
    assert {label for metric in METRICS.values() for label in metric.labels} == LABELS.keys()


def test_names_follow_the_rules_of_prometheus() -> None:
    for metric in METRICS.values():
        assert metric.name.startswith("waybill_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")


def test_while_it_is_off_nothing_is_counted_or_imported() -> None:
    NO_METER.count("waybill_retries_total", about="store")
    seen = "import sys, infra.cli.app; print({'prometheus_client', 'opentelemetry'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
