"""Writes the tables of docs/events.md and docs/signals.md, and the dashboard, of this checkout."""

from pathlib import Path

from infra.telemetry.dashboard import dashboard
from infra.telemetry.page import with_events, with_metrics

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    for name, written in (("events.md", with_events), ("signals.md", with_metrics)):
        page = ROOT / "docs" / name
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "infra" / "deploy" / "grafana-dashboard.json").write_text(dashboard(), encoding="utf-8")
