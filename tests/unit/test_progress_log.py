"""Progress as log lines: some seconds apart, and at the end of each part."""

from structlog.testing import capture_logs

from infra.telemetry.progress import SECONDS_BETWEEN_LINES, ProgressLog


def test_lines_are_some_seconds_apart_and_each_part_ends_with_one() -> None:
    now = 0.0
    with capture_logs() as lines:
        log = ProgressLog("archive_progress", lambda: now)
        for done in range(1, 101):
            now += SECONDS_BETWEEN_LINES / 10
            log.tell("events", done, 100)
        log.tell("notices", 1, 1)
    assert [(line["part"], line["done"]) for line in lines] == [
        *(("events", done) for done in range(10, 101, 10)),
        ("notices", 1),
    ]


def test_a_part_that_stays_at_its_end_is_told_some_seconds_apart() -> None:
    now = 0.0
    with capture_logs() as lines:
        log = ProgressLog("spark_progress", lambda: now)
        for _ in range(21):
            log.tell("stage 1", 4, 4, events=9)
            now += SECONDS_BETWEEN_LINES / 10
    assert [line["event"] for line in lines] == ["spark_progress"] * 3
    assert {line["events"] for line in lines} == {9}
