"""Writes the tables of log events and metrics into docs/events.md and docs/signals.md of this checkout."""

from pathlib import Path

from infra.telemetry.page import with_events, with_metrics

DOCS = Path(__file__).parents[2] / "docs"

if __name__ == "__main__":
    for name, written in (("events.md", with_events), ("signals.md", with_metrics)):
        page = DOCS / name
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
