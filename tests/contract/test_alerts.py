"""Alert rules and dashboard: valid, tested, explained, and about metrics that exist."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from infra.app.doctor.limits import WAITS_TOO_LONG
from infra.app.status import ProjectionState
from infra.store.register.dead import DEAD_ON_ARRIVAL
from infra.telemetry.dashboard import dashboard, queries
from infra.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "infra" / "deploy"
RULES = [rule for group in YAML(typ="safe").load(DEPLOY / "alerts.yml")["groups"] for rule in group["rules"]]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
PARTS = ("consume", "project", "react", "relay")
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture(scope="session")
def promtool() -> str:
    found = subprocess.run([ROOT / "infra/local/promtool.sh"], capture_output=True, text=True, check=False)
    if found.returncode and os.environ.get("CI"):
        pytest.fail(f"promtool is needed here: {found.stderr}")
    if found.returncode:
        pytest.skip(f"needs promtool: {found.stderr.strip()}")
    return found.stdout.strip()


@pytest.mark.parametrize(
    "check",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
)
def test_promtool_accepts_the_rules_and_their_tests(promtool: str, check: tuple[str, ...]) -> None:
    ran = subprocess.run([promtool, *check], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_each_alert_is_tested_and_has_an_entry_in_the_runbook(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert name in (DEPLOY / "alerts.test.yml").read_text()
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    assert f"\n### {name}\n" in RUNBOOK


def test_the_runbook_explains_no_other_alerts() -> None:
    assert set(re.findall(r"^### (Waybill\w+)$", RUNBOOK, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_the_alerts_have_the_limits_of_the_doctor() -> None:
    """Both say "stuck" after the same time, and mean the same by a dead letter that arrived."""
    exprs = {rule["alert"]: rule["expr"] for rule in RULES}
    late = WAITS_TOO_LONG.total_seconds()
    for alert in ("WaybillPartitionStuck", "WaybillReactorLag", "WaybillRelayLag"):
        assert "_lag_seconds" in exprs[alert]
        assert f"> {late:.0f}" in exprs[alert], alert
    verdicts = "|".join(verdict.value for verdict in DEAD_ON_ARRIVAL)
    assert f'waybill_messages_received_total{{verdict=~"{verdicts}"}}' in exprs["WaybillDeadLettersRise"]


def test_the_compose_file_runs_every_part_and_prometheus_scrapes_each() -> None:
    services = YAML(typ="safe").load(DEPLOY / "compose.yaml")["services"]
    running = {name for name, service in services.items() if service.get("command") in ([part] for part in PARTS)}
    scraped = YAML(typ="safe").load(DEPLOY / "prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert running == set(PARTS)
    assert set(scraped) == {f"{part}:9464" for part in PARTS}


def test_the_alert_on_lag_is_about_the_states_in_which_a_projection_moves() -> None:
    (expr,) = (rule["expr"] for rule in RULES if rule["alert"] == "WaybillProjectionLag")
    (states,) = re.findall(r'state=~"([^"]+)"', expr)
    assert states.split("|") == [state.value for state in ProjectionState if state.moves]


class Used(NamedTuple):
    """A metric in a query, and the labels by which it is selected."""

    metric: str
    labels: tuple[str, ...]


def used_in(expr: str) -> Iterator[Used]:
    for name, selectors in re.findall(r"\b(waybill_\w+)(?:\{([^}]*)\})?", expr):
        yield Used(name, tuple(re.findall(r"(\w+)\s*[=!]", selectors)))


@pytest.mark.parametrize("expr", [*(rule["expr"] for rule in RULES), *queries()])
def test_every_metric_and_label_of_alerts_and_dashboard_is_declared(expr: str) -> None:
    for name, labels in used_in(expr):
        metric = METRICS.get(name) or METRICS[_without_suffix(name)]
        assert set(labels) <= set(metric.labels)
    grouped = {label.strip() for by in re.findall(r"(?:by|on) \(([^)]*)\)", expr) for label in by.split(",")}
    declared = {label for name, _ in used_in(expr) for label in METRICS[_without_suffix(name)].labels} | {"le"}
    assert grouped <= declared


def _without_suffix(name: str) -> str:
    base = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    return base if METRICS.get(base) and METRICS[base].kind == "histogram" else name


def test_the_dashboard_shows_every_metric_that_is_worth_a_look() -> None:
    shown = {_without_suffix(name) for expr in queries() for name, _ in used_in(expr)}
    assert METRICS.keys() - shown == NOT_SHOWN


NOT_SHOWN = {
    "waybill_build_info",
    "waybill_part_step_age_seconds",
    "waybill_projection_position",
    "waybill_rebuild_age_seconds",
}
"""Said by others, or of no use as a curve."""


def test_the_dashboard_is_the_one_that_is_declared() -> None:
    assert (DEPLOY / "grafana-dashboard.json").read_text() == dashboard(), "run python -m infra.telemetry"


def test_panels_do_not_overlap() -> None:
    panels = json.loads(dashboard())["panels"]
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in panels
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in panels}) == len(panels)
