"""A command imports what it needs: counted by the modules that its process has at its end, so that no clock decides."""

import ast
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command_name

from infra.app.container import Waybill
from infra.cli.app import command_line
from infra.cli.commands import COMMANDS, PLACES
from infra.settings import Settings

LARGE = {"consumers.contract", "eventsourcing", "fastapi", "kafka", "psycopg", "sqlalchemy", "structlog"}
"""Libraries and packages of which each takes a twentieth of a second or more."""
OF_OTHERS = {"altair", "alembic", "fastapi", "kafka", "psycopg", "uvicorn"}
"""Libraries that no question to an SQLite store needs."""

RUN = """
import sys
sys.argv[0] = "waybill"
from infra.cli import main
try:
    main()
finally:
    sys.stderr.write("imported " + " ".join(sys.modules))
"""


def imported(folder: Path, *arguments: str, **environment: str) -> set[str]:
    """The modules that a process has imported by the end of the command."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(Path.cwd()), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stderr.rpartition("imported ")[2].split())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        waybill.project()
    return tmp_path


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_options_before_a_command_import_no_large_library(option: str, tmp_path: Path) -> None:
    assert imported(tmp_path, option) & LARGE == set()


def test_the_completion_of_a_commands_name_imports_no_large_library(tmp_path: Path) -> None:
    asking = {"_WAYBILL_COMPLETE": "complete_bash", "COMP_WORDS": "waybill ov", "COMP_CWORD": "1"}
    assert imported(tmp_path, **asking) & LARGE == set()


@pytest.mark.parametrize("command", ["status", "overdue"])
def test_a_question_to_an_sqlite_store_imports_no_driver_broker_or_web_server(command: str, store: Path) -> None:
    assert imported(store, command) & OF_OTHERS == set()


def test_no_contract_model_is_built_before_a_message_is_read() -> None:
    counted = (
        "from consumers.contract import CATALOGUE; print(sum(m.data.__pydantic_complete__ for m in CATALOGUE.values()))"
    )
    ran = subprocess.run([sys.executable, "-c", counted], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_every_command_is_listed_as_its_module_defines_it() -> None:
    for name, command in command_line().commands.items():
        place = PLACES[name]
        first = " ".join((command.short_help or command.help or "").split("\n\n")[0].split())
        assert (command.name, command.hidden, first) == (name, place.hidden, place.line)


@pytest.mark.parametrize("module", sorted({module for modules in COMMANDS.values() for module in modules}))
def test_a_module_defines_no_command_that_is_not_listed(module: str) -> None:
    part = typer.Typer()
    import_module(f"infra.cli.{module}").add_commands(part)
    callbacks = [(each.name, each.callback) for each in part.registered_commands]
    named = {name or get_command_name(callback.__name__) for name, callback in callbacks if callback}
    grouped = {each.name for each in part.registered_groups}
    assert named | grouped == {name for name, place in PLACES.items() if place.module == module}


def test_decision_032_names_every_file_that_imports_inside_functions() -> None:
    decision = Path("docs/decisions/032-start-up.md").read_text()
    listed = decision.partition("**An import stands inside a function**")[2].partition("\n\n**")[0]
    found = {
        str(file)
        for package in ("domain", "projections", "consumers", "infra")
        for file in Path(package).rglob("*.py")
        if _imports_inside_functions(ast.parse(file.read_text()))
    }
    assert found == set(re.findall(r"`([\w/]+\.py)`", listed))


def _imports_inside_functions(module: ast.Module) -> bool:
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(isinstance(inside, ast.Import | ast.ImportFrom) for one in functions for inside in ast.walk(one))
