"""given the installed command, then it starts, tells its usage, and leaves with the right exit code."""

import subprocess
import sys

import pytest

from tests.integration.command import EXECUTABLE, Command
from tests.integration.messages import placed


def test_a_day_with_the_installed_command(waybill: Command) -> None:
    file = waybill.file("messages.jsonl", placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"), b"{}")

    assert waybill.executable("ingest", file, "--format", "json").exited(0).json["applied"] == 1
    assert waybill.executable("ingest", file, "--strict").exited(1).out
    assert waybill.executable("overdue", "--as-of", "tomorrow").exited(2, "tomorrow").out == b""


def test_output_that_is_not_read_to_its_end(waybill: Command) -> None:
    """As in `waybill simulate --orders 2000 | head -1`."""
    with subprocess.Popen(
        [EXECUTABLE, "simulate", "--orders", "2000"],
        cwd=waybill.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == b""
    assert process.returncode == 1


def test_an_interrupt_while_it_starts_is_no_traceback() -> None:
    # given that Ctrl-C comes while the first of the large packages is imported
    interrupted = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from infra.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("ingest - <&-", 2, "standard input is closed"),
        ("status >&-", 1, "standard output is closed"),
        ("status 2>&-", 0, ""),
    ],
)
def test_a_standard_stream_that_was_closed(waybill: Command, command: str, code: int, said: str) -> None:
    waybill.ingest()
    ran = subprocess.run(
        ["sh", "-c", f'"$0" {command}', EXECUTABLE], cwd=waybill.folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("wrong", [(), ("frobnicate",), ("--nonsense",), ("ingest", "--history"), ("order",)])
def test_wrong_usage(waybill: Command, wrong: tuple[str, ...]) -> None:
    ran = waybill(*wrong).exited(2)
    assert "Usage: waybill" in ran.text + ran.err


def test_help_lists_the_commands(waybill: Command) -> None:
    told = waybill("--help").done().text
    for command in ("ingest", "overdue", "workload", "late", "at-risk", "follow-ups", "order", "message", "void"):
        assert command in told
    for command in ("simulate", "status", "dead-letters", "held", "events", "verify", "schema", "settings", "project"):
        assert command in told
        assert "Usage: waybill" in waybill(command, "--help").done().text


@pytest.mark.parametrize(
    "unfit",
    [
        ("--until", "2025-06-30T16:00:00"),
        ("--until", "0001-01-01"),
        ("--until", "9999-12-31"),
        ("--orders", "0"),
        ("--wrong", "1"),
        ("--seed", "x"),
    ],
)
def test_a_simulation_that_cannot_be_is_wrong_usage(waybill: Command, unfit: tuple[str, str]) -> None:
    waybill("simulate", "--orders", "3", *unfit).exited(2, unfit[0])


def test_the_same_arguments_give_the_same_bytes(waybill: Command) -> None:
    arguments = ("simulate", "--orders", "20", "--seed", "9", "--wrong", "0.2", "--until", "2025-06-30T16:00:00Z")
    file = waybill.folder / "floor.jsonl"

    once = waybill(*arguments).done().out
    waybill(*arguments, "--out", file).done()

    assert file.read_bytes() == once
    assert waybill(*arguments, "--seed", "10").done().out != once
    waybill(*arguments, "--out", waybill.folder / "nowhere" / "floor.jsonl").exited(1, "nowhere")
