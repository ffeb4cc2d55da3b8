"""Output that is not read to its end: no error of a command that has nothing else to do."""

import os
import subprocess

from tests.integration.command import EXECUTABLE, Command
from tests.integration.messages import placed

ORDERS = [placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z") for number in range(3)]


def left_unread(waybill: Command, *arguments: str) -> tuple[int, str]:
    """The exit code and the errors of a command whose reader is gone before it writes."""
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [EXECUTABLE, *arguments],
        cwd=waybill.folder,
        env={**os.environ, "WAYBILL_STORE": f"sqlite:///{waybill.store}", "WAYBILL_LOG_LEVEL": "error"},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    return ran.returncode, ran.stderr.decode()


def test_a_question_is_done_when_nobody_reads_more_of_its_answer(waybill: Command) -> None:
    waybill.ingest(*ORDERS)
    code, said = left_unread(waybill, "orders", "--format", "json")
    assert (code, "Traceback" in said, "Exception ignored" in said) == (0, False, False), said


def test_a_check_whose_findings_nobody_read_has_not_said_that_all_is_well(waybill: Command) -> None:
    waybill.ingest(*ORDERS)
    assert left_unread(waybill, "verify", "--format", "json")[0] == 1
