"""Tells why tests were skipped: one line for each reason, at the end of a run."""

from collections import Counter
from collections.abc import Iterable

import pytest

PREFIX = "Skipped: "


def reasons(skipped: Iterable[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    """A line for each reason, the most frequent first."""
    counted = Counter(reason_of(report) for report in skipped)
    return [f"{count:>5}  {reason}" for reason, count in counted.most_common()]


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason that the test gave, on one line."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(reason.removeprefix(PREFIX).split())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """See pytest's hook of this name; tests/conftest.py makes it one."""
    lines = reasons(terminalreporter.stats.get("skipped", []))
    if lines:
        terminalreporter.section("why tests were skipped")
        for line in lines:
            terminalreporter.line(line)
