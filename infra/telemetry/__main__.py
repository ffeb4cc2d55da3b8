"""Writes the tables of log events into docs/events.md of this checkout."""

from pathlib import Path

from infra.telemetry.page import with_tables

PAGE = Path(__file__).parents[2] / "docs" / "events.md"

if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
