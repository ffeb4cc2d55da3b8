"""The command line: the options before a command's name, and how failures become messages and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage.

A command's parts are imported when it is called (infra.cli.lazy_group), and what a failure needs when one fails. So
what this module imports, every command pays for; see docs/decisions/032-start-up.md.
"""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from infra.cli import DONE, FAILED, INTERRUPTED, WRONG_USAGE
from infra.cli.commands import ALIASES, COMMANDS
from infra.cli.lazy_group import LazyGroup, name_no_type_of_flags
from infra.printable import printable
from infra.runtime.garbage_collection import collect_rarely

VALUE_ERROR = "Value error, "

_VIEWS = COMMANDS["Views"]["views"]
READS = frozenset(
    (
        *(called for view in _VIEWS for called in (view, *ALIASES.get(view, ()))),
        *("dead-letters", "events", "held", "order", "restated", "schema", "settings", "status", "trend"),
    )
)
"""Commands that only answer: if the reader of their output closes it early, they have done their work.

Other commands also judge or act. They end with 1 then, because their result was not read."""


class OutputClosedError(Exception):
    """Nobody reads what the command prints."""


class PrintableGroup(LazyGroup):
    """Escapes control characters in usage errors, which quote arguments and messages.

    It also leaves out how the library introduces a value that is not among the choices.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as e:
            raise OutputClosedError from e  # the library would end with 1
        except TyperException as e:
            e.message = printable(e.message).replace(VALUE_ERROR, "")
            raise


app = typer.Typer(
    name="waybill",
    cls=PrintableGroup,
    help="Event-sourced order fulfillment for inside sales: who is overloaded, what is late, and what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    """Print the version and end, if that was wanted."""
    if wanted:
        from infra.version import version_text

        sys.stdout.write(version_text() + "\n")
        raise typer.Exit


@app.callback()
def options_of_all(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version, and end."),
    ] = False,
) -> None:
    """Options before the command's name."""


@cache
def command_line() -> LazyGroup:
    """All commands; each is built, with its parameters, when it is asked for."""
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    name_no_type_of_flags(group)
    return group


def main() -> None:
    """Run one command and exit with its code. A failure is printed as one line, never as a traceback."""
    try:
        _expect_streams()
        collect_rarely()
        sys.unraisablehook = _tell_unraisable
        _check_arguments(sys.argv[1:])
        command_line()()
    except (BrokenPipeError, OutputClosedError):
        # Who reads our output has seen enough, such as `head`. Keep the interpreter from complaining about it on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE if READS.intersection(sys.argv[1:2]) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as e:
        sys.exit(_tell(e))


def _tell(error: Exception) -> int:
    """Print what is to be told of a failure; returns the exit code. Raises the failure if it is a fault of the code."""
    from infra.store.failures import Failure, failure_of

    if failure_of(error) is Failure.OUT_OF_MEMORY:
        # There may not be enough to import more.
        _show_error(f"{Failure.OUT_OF_MEMORY.value}. {Failure.OUT_OF_MEMORY.remedy} Nothing was half done.")
        return FAILED
    from infra.cli.failures import told

    failed = told(error)
    if failed is None:
        raise error
    _show_error(failed.error)
    if failed.note:
        from infra.cli.output import Format, show_note

        show_note(Format.JSON, failed.note)
    return failed.code


def _show_error(text: str) -> None:
    from infra.cli.output import show_error

    show_error(text)


def _tell_unraisable(ignored: "sys.UnraisableHookArgs") -> None:
    """Silence errors while closing without enough memory: `main` reports the lack of memory once."""
    from infra.store.failures import Failure, failure_of

    if ignored.exc_value is None or failure_of(ignored.exc_value) is not Failure.OUT_OF_MEMORY:
        sys.__unraisablehook__(ignored)


def _expect_streams() -> None:
    """Fail with a reason when standard output is closed; go on without standard error."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  (for as long as the process lives)
    if sys.stdout is None:
        _show_error("standard output is closed")
        sys.exit(FAILED)


def _check_arguments(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            _show_error(f"the argument {argument!a} is not UTF-8")
            sys.exit(WRONG_USAGE)
