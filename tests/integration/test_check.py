"""`waybill check`: what it says of files, with what it exits, and that it reads as `waybill ingest` does."""

import gzip
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from consumers.contract import EXAMPLES
from infra.simulation import DEFAULT_UNTIL, simulate
from tests.integration.command import EXECUTABLE, Command

PLACED = EXAMPLES["order.placed.v1"]
WRONG = {**PLACED, "time": "yesterday"}
ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
PAGE = (ROOT / "docs" / "upstream.md").read_text()


def test_messages_that_fit_are_counted_and_no_store_is_made(waybill: Command) -> None:
    file = waybill.file("good.jsonl", *EXAMPLES.values())
    packed = waybill.folder / "good.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))

    ran = waybill("check", file, packed, "-", stdin=file.read_bytes()).done()

    assert ran.text == f"{3 * len(EXAMPLES)} messages fit the contract\n"
    assert not waybill.store.exists()


def test_what_does_not_fit_is_named_by_file_line_and_field(waybill: Command) -> None:
    good, bad = waybill.file("good.jsonl", PLACED), waybill.file("bad.jsonl", PLACED, b"", WRONG)

    table = waybill("check", good, bad).exited(1)
    assert f"{bad}" in table.text and "must be an RFC 3339 instant with an offset" in table.text
    assert table.text.endswith("1 of 3 messages does not fit the contract\n")

    (row,) = waybill("check", good, bad, "--format", "json").exited(1, "1 of 3 messages does not fit").json
    assert (row["level"], row["file"], row["line"], row["field"]) == ("error", str(bad), 3, "time")
    assert (row["source"], row["id"]) == (PLACED["source"], PLACED["id"])
    assert waybill("check", good, bad, "--format", "csv").exited(1).rows[0]["field"] == "time"


def test_github_gets_annotations(waybill: Command) -> None:
    unknown: dict[str, Any] = {**PLACED, "data": {**PLACED["data"], "colour": "red"}}
    file = waybill.file("a.jsonl", WRONG, unknown)

    error, warning = waybill("check", file, "--format", "github").exited(1).text.splitlines()

    assert error.startswith(f"::error file={file},line=1,title=order.placed.v1 time::time: must be ")
    assert warning == (
        f"::warning file={file},line=2,title=order.placed.v1 data.colour"
        "::data.colour: ignored: order.placed.v1 has no such field"
    )


def test_errors_beyond_the_limit_are_counted(waybill: Command) -> None:
    file = waybill.file("bad.jsonl", *[b"{"] * 5)

    ran = waybill("check", file, "--limit", "2", "--format", "json").exited(
        1, "3 more errors are not listed", "in one line"
    )

    assert [row["line"] for row in ran.json] == [1, 2]


def test_recordedtime_is_checked_with_history(waybill: Command) -> None:
    file = waybill.file("a.jsonl", {**PLACED, "recordedtime": "9990-01-01T00:00:00Z"})

    waybill("check", file).done()
    waybill("check", file, "--history").exited(1)


def test_a_file_that_is_not_there_is_wrong_usage(waybill: Command) -> None:
    waybill("check", "nowhere.jsonl").exited(2, "there is no file nowhere.jsonl")


def test_it_finds_malformed_what_ingest_finds_malformed(waybill: Command) -> None:
    lines = list(simulate(60, 3, DEFAULT_UNTIL, 0.3))
    file = waybill.folder / "floor.jsonl"
    file.write_bytes(b"\n".join(lines))

    rows = waybill("check", file, "--limit", "10000", "--format", "json").exited(1).json
    waybill("ingest", file, "--no-project").done()

    wrong = {sha256(lines[row["line"] - 1]).hexdigest() for row in rows if row["level"] == "error"}
    letters = waybill.ask("dead-letters", "list", "--all", "--limit", "10000")
    assert wrong == {letter["letter_id"] for letter in letters if letter["verdict"] == "malformed"}
    assert len(wrong) > 10


def test_the_pre_commit_hook_runs_it(waybill: Command) -> None:
    settings = dict(line.strip(" -").split(": ", 1) for line in HOOKS.read_text().splitlines() if ": " in line)
    program, *arguments = settings["entry"].split()

    assert program == "waybill" and settings["language"] == "python"
    waybill(*arguments, waybill.file("good.jsonl", PLACED), waybill.file("bad.jsonl", WRONG)).exited(1)


@pytest.mark.parametrize("cut", [5, 9])
def test_a_damaged_gzip_file_does_not_fit(waybill: Command, cut: int) -> None:
    packed = waybill.folder / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress(b"{}\n" * 3)[:-cut])

    waybill("check", packed).exited(1)


def test_the_ci_recipe_of_the_page_annotates_and_fails(waybill: Command) -> None:
    (step,) = re.findall(r"- run: (waybill .*)", PAGE)
    (waybill.folder / "feeds").mkdir()
    waybill.file("feeds/good.jsonl", PLACED)
    env = {"PATH": f"{EXECUTABLE.parent}:{waybill.setting('PATH')}"}

    def ran() -> subprocess.CompletedProcess[str]:
        command = ["bash", "-euc", step]
        return subprocess.run(command, cwd=waybill.folder, env=env, capture_output=True, text=True, check=False)

    assert ran().returncode == 0
    waybill.file("feeds/bad.jsonl", WRONG)
    failed = ran()
    assert failed.returncode == 1
    assert failed.stdout.startswith("::error file=feeds/bad.jsonl,line=1,")
