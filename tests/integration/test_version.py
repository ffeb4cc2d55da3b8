"""`waybill --version`, and where else the version is said."""

import json
import platform

from domain.rules_version import RULES_VERSION
from infra.store.newest_version import NEWEST
from infra.version import waybill_version
from tests.integration.command import Command


def test_the_version_needs_no_store_and_names_what_it_reads_and_writes(waybill: Command) -> None:
    said = waybill("--version").done().text.splitlines()
    assert said[0] == f"waybill {waybill_version()}"
    assert said[1:4] == [f"Python {platform.python_version()}", f"store schema {NEWEST}", f"rules {RULES_VERSION}"]
    assert list(waybill.folder.iterdir()) == []


def test_a_long_running_command_logs_its_version_when_it_starts(waybill: Command) -> None:
    running = waybill.start("project", "--once")
    lines = [json.loads(line) for line in running.wait().done().err.splitlines() if line.startswith("{")]
    (started,) = [line for line in lines if line["event"] == "process_started"]
    assert (started["version"], started["parts"]) == (waybill_version(), ["project"])


def test_the_status_says_which_version_answers(waybill: Command) -> None:
    waybill.ingest()
    assert f"answered by waybill {waybill_version()}" in waybill("status").done().text
    asked = waybill("status", "--format", "json").done()
    assert f"answered by waybill {waybill_version()}" in asked.err
