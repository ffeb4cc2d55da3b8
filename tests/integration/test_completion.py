"""The shell's completion: commands, options and names, offered from the contract and from a store that is only read."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.completion import OFFERED
from tests.integration.command import EXECUTABLE, Command
from tests.integration.messages import SOURCE, placed, registered


def offered(waybill: Command, typed: str) -> list[str]:
    """What bash asks for, and gets, when somebody types this and then TAB."""
    words = typed.split(" ")
    asking = waybill.with_(COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1), _WAYBILL_COMPLETE="complete_bash")
    ran = asking().done()
    assert ran.err == ""
    return ran.text.split()


@pytest.fixture
def filled(waybill: Command) -> Command:
    waybill.ingest(
        registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder"),
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
        placed("SO-12", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
    )
    return waybill


def test_commands_options_and_values_are_offered(waybill: Command) -> None:
    assert {"overdue", "orders", "order"} <= set(offered(waybill, "waybill o"))
    assert {"--rep", "--as-of", "--format"} <= set(offered(waybill, "waybill overdue --"))
    assert offered(waybill, "waybill overdue --format ") == ["table", "json", "csv"]
    assert offered(waybill, "waybill export overdue_") == ["overdue_deliveries"]
    assert offered(waybill, "waybill schema order.pl") == ["order.placed.v1"]
    assert "verdicts" in offered(waybill, "waybill help v")
    assert list(waybill.folder.iterdir()) == []


def test_names_of_the_store_are_offered_and_nothing_is_written(filled: Command) -> None:
    before = filled.store.read_bytes(), sorted(path.name for path in filled.folder.iterdir())
    assert offered(filled, "waybill order SO-1") == ["SO-1", "SO-12"]
    assert offered(filled, "waybill overdue --rep r") == ["rep-1"]
    assert offered(filled, f"waybill events --source {SOURCE[:2]}") == [SOURCE]
    assert offered(filled, "waybill events --stream order-SO-12") == ["order-SO-12"]
    assert (filled.store.read_bytes(), sorted(path.name for path in filled.folder.iterdir())) == before


def test_a_source_after_many_others_is_offered(waybill: Command) -> None:
    many = [f"//crm/{number:02}" for number in range(OFFERED)]
    rep = registered("rep-1", "2025-03-01T08:00:00Z", "Ann")
    waybill.ingest(*({**rep, "source": source} for source in (*many, "//desk/ann", "//desk/ben")))

    assert offered(waybill, "waybill events --source //d") == ["//desk/ann", "//desk/ben"]


def test_where_no_store_can_be_read_nothing_is_offered(waybill: Command) -> None:
    assert offered(waybill, "waybill order SO") == []
    waybill.store.write_text("no database")
    assert offered(waybill, "waybill order SO") == []
    assert offered(waybill.with_(WAYBILL_STORE="nonsense"), "waybill order SO") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script_that_is_shown(filled: Command) -> None:
    # Typer finds out which shell runs it; here a test does.
    naming_the_shell = filled.with_(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    script = naming_the_shell.executable("--show-completion", "bash").done().text
    typed = f"""{script}
COMP_WORDS=(waybill order SO-12); COMP_CWORD=2
{script.rsplit("-F ", 1)[1].split()[0]} waybill
echo "${{COMPREPLY[@]}}"
"""
    path = f"{EXECUTABLE.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(filled.folder), "LANG": "C.UTF-8"}
    ran = subprocess.run(
        ["bash", "--norc", "-c", typed], cwd=filled.folder, env=environment, capture_output=True, check=True
    )
    assert shlex.split(ran.stdout.decode()) == ["SO-12"]
