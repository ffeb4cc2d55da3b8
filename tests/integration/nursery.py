"""Forks a process of the command `waybill` for each request: run as a script, with requests on standard input.

Importing what a command needs takes longer than most commands do, and so does building the contract's models. So it is
done once, for all commands, and each request gets a fresh process that has it behind it. A request is a line of JSON,
and so is the answer:
{"run": [arguments], "folder", "env", "stdin", "stdout", "stderr", "nobody"} → {"pid"}
{"wait": pid} or {"poll": pid} → {"status": exit code, or null while it runs}

A process ends without taking its modules apart, which would take as long as a short command does: see `leave`. How the
interpreter itself ends is seen with the executable (`Command.executable`).
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config  # noqa: F401  (imported late by the command itself, when `nobody` may not read the library)
import structlog.testing

import consumers
import infra
import infra.cli.app
from consumers.contract.examples import EXAMPLES
from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.cli import main
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import VIEWS

NOBODY = 65534
NOT_IMPORTED = ("infra.store.migrations.", "infra.telemetry.__main__", "infra.spark")
"""What only runs inside a migration, as a script, or beside a virtual machine."""


def serve() -> dict[str, Any] | None:
    """Answer requests to their end. In a child, return the request that it is to run; in the parent, None."""
    gc.freeze()  # what the children share, none of them need look at
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        if "wait" in request or "poll" in request:
            ended, status = os.waitpid(request.get("wait") or request["poll"], 0 if "wait" in request else os.WNOHANG)
            answer = {"status": os.waitstatus_to_exitcode(status) if ended else None}
        else:
            pid = os.fork()
            if not pid:
                return dict(request)
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return None


def become(request: dict[str, Any]) -> None:
    """Be what a shell would have started."""
    for number, name, flags in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_WRONLY | os.O_CREAT),
        (2, "stderr", os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(request[name], flags, 0o666)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(0, encoding="utf-8", closefd=False),  # noqa: SIM115
        open(1, "w", encoding="utf-8", closefd=False),  # noqa: SIM115
        open(2, "w", encoding="utf-8", closefd=False, buffering=1),  # noqa: SIM115
    )
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None
    os.chdir(request["folder"])
    if request["nobody"]:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    sys.modules["__main__"].__package__ = None  # else the usage line says "python -m …"
    sys.argv = [str(Path(sys.executable).parent / "waybill"), *request["run"]]


def run() -> None:
    """Run the command, and end with its exit code."""
    ended: list[int] = []
    # Registered before the command registers anything, so it is called last: threads have ended by then.
    atexit.register(leave, ended)
    try:
        main()
    except SystemExit as e:
        if e.code is None or isinstance(e.code, int):
            ended.append(e.code or 0)
        raise


def leave(ended: list[int]) -> None:
    """End the process at once if the command has ended with an exit code and all that it said can be written."""
    if not ended:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # the interpreter says what is wrong
    os._exit(ended[0])


def warm_up() -> None:
    """What every process computes once (models, commands, tables, relations) is computed before the first fork.

    Commands import Kafka and the web only when they need them; here all are imported.
    """
    for package in (consumers, infra):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(NOT_IMPORTED):
                importlib.import_module(module.name)
    with (
        tempfile.TemporaryDirectory() as folder,
        structlog.testing.capture_logs(),
        Waybill(Settings(store=f"sqlite:///{folder}/waybill.db")) as waybill,
    ):
        examples = Path(folder) / "examples.jsonl"
        examples.write_text("".join(f"{json.dumps(example)}\n" for example in EXAMPLES.values()))
        with ingest_source(waybill, JsonLines.of_file(examples, batch_lines=100)):
            pass
        for view in VIEWS:
            waybill.views.ask(view, Asked())
    structlog.reset_defaults()
    for command in infra.cli.app.command_line().commands.values():
        assert command is not None  # it is imported, and built with its parameters


if __name__ == "__main__":
    warm_up()
    asked = serve()
    if asked is not None:
        become(asked)
        run()
