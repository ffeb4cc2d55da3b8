"""docs/signals.md lists every metric."""

from pathlib import Path

from infra.telemetry.page import with_metrics

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text("utf-8")


def test_its_tables_of_metrics_are_those_declared() -> None:
    assert with_metrics(PAGE) == PAGE, "run python -m infra.telemetry"
