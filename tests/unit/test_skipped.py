"""given tests that were skipped, then a run ends with one line for each reason, the most frequent first."""

import pytest

from tests.skipped import reasons


def skipped(reason: str) -> pytest.TestReport:
    return pytest.TestReport("a test", ("tests/a.py", 1, ""), {}, "skipped", ("tests/a.py", 1, reason), "call")


def test_tests_with_one_reason_are_one_line() -> None:
    lines = reasons(
        skipped(f"Skipped: {why}") for why in ("needs Kafka:\n no Java", "needs npm", "needs Kafka:\n no Java")
    )

    assert lines == ["    2  needs Kafka: no Java", "    1  needs npm"]
