"""The command line: all commands, and how failures become messages and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from eventsourcing.persistence import MapperDeserialisationError
from typer.core import TyperGroup
from typer.exceptions import TyperException

from consumers.reactors.reacting import ReactionFailedError
from consumers.sinks.sink import MissingTopicsError, NotReachedError
from consumers.sources.json_lines import UnreadableSourceError
from domain.checkpoint import CheckpointMovedError
from infra.app.backup import DamagedBackupError
from infra.app.container import system_clock
from infra.app.diff import ShapeFailsError
from infra.app.export import ForeignFilesError
from infra.app.keys import NeedsKeysError
from infra.app.known_names import UnknownNameError
from infra.app.nearby_stores import where_the_store_may_be
from infra.app.rebuild.errors import NewerServesError, RebuildRunsError, RebuildStoppedError, UnknownKeyError
from infra.app.reset import UnexpectedPositionError
from infra.cli import (
    INTERRUPTED,
    analysts,
    check,
    contract,
    corrections,
    dead_letters,
    dead_letters_acts,
    demo,
    desk,
    diffs,
    doctor,
    events,
    example,
    exports,
    files,
    held,
    help,
    keys,
    messages,
    orders,
    processes,
    quote,
    rebuild,
    restated,
    serve,
    settings,
    steering,
    store,
    topics,
    traces,
    trend,
    views,
)
from infra.cli.answer_footer import footer_text
from infra.cli.output import Format, show_error, show_note
from infra.export.formats import TooLongAmountError
from infra.printable import printable
from infra.queries.views import NotYetReflectedError
from infra.runtime.garbage_collection import collect_rarely
from infra.runtime.relay_beginning import CannotBeginError
from infra.settings import WrongSettingsError, load_settings
from infra.signals.server import AddressTakenError
from infra.sql_views.relations import NotAllowedError
from infra.store.business_months import NoBusinessMonthsError
from infra.store.events.codec import UnreadableEventError
from infra.store.failures import Failure, failure_of, reason_of
from infra.store.missing_table import missing_projection
from infra.store.opening import NoStoreError, StoreChangedError, StoreVersionError
from infra.store.postgres.sessions import SharedSessionsError
from infra.store.projected.builds import NothingToGoBackToError
from infra.store.projected.serving import NotFilledError
from infra.store.projected.unreadable import UnreadableRowError
from infra.store.retries import STORE_FAILURES, is_wrong_sql, passes
from infra.store.sqlite.file_ownership import NotAStoreError
from infra.telemetry.tracing import TracingError
from infra.version import version_text, waybill_version
from projections.catalogue import every_projection
from projections.views.catalogue import VIEWS
from projections.views.columns import UnreadableValueError

DONE = 0
FAILED = 1
WRONG_USAGE = 2
VALUE_ERROR = "Value error, "

READS = frozenset(
    (
        *(name for view in VIEWS for name in (view.command, view.relation)),
        *("dead-letters", "events", "held", "order", "restated", "schema", "settings", "status", "trend"),
    )
)
"""Commands that have done their work when nobody reads more of their answer. Others also judge or act, and end with 1:
what they had to say was not said."""

# Failures whose message says what is wrong and what to do.
FAILURES = (
    AddressTakenError,
    CannotBeginError,
    MissingTopicsError,
    NeedsKeysError,
    NewerServesError,
    NoBusinessMonthsError,
    NotAllowedError,
    NotAStoreError,
    NotFilledError,
    NotReachedError,
    NothingToGoBackToError,
    RebuildRunsError,
    RebuildStoppedError,
    UnknownKeyError,
    CheckpointMovedError,
    DamagedBackupError,
    ForeignFilesError,
    ReactionFailedError,
    ShapeFailsError,
    SharedSessionsError,
    StoreChangedError,
    StoreVersionError,
    TooLongAmountError,
    UnexpectedPositionError,
    TracingError,
    UnreadableRowError,
    UnreadableSourceError,
)


class OutputClosedError(Exception):
    """Nobody reads what the command prints."""


class PrintableGroup(TyperGroup):
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
NOUNS = {
    "Start": (demo, example, files, check),
    "Running parts": (processes, serve),
    "Views": (views, restated, trend, quote),
    "One order, one message": (orders, messages, traces, events),
    "The desk acts": (desk,),
    "On call: the store": (store, doctor, diffs, held),
    "On call: act": (dead_letters, dead_letters_acts, corrections, steering, rebuild),
    "Around the store": (keys, topics, exports, analysts, contract, settings, help),
}
"""The modules with commands, by the heading of the help under which their commands are listed."""


def add_commands() -> None:
    """Add every command of every noun, under its heading."""
    for heading, nouns in NOUNS.items():
        commands, groups = len(app.registered_commands), len(app.registered_groups)
        for noun in nouns:
            noun.add_commands(app)
        for command in app.registered_commands[commands:]:
            command.rich_help_panel = heading
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = heading


add_commands()


def show_version(wanted: bool) -> None:
    """Print the version and end, if that was wanted."""
    if wanted:
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
def command_line() -> TyperGroup:
    """All commands with their parameters; a tenth of a second to build."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    _name_no_type_of_flags(group)
    return group


def _name_no_type_of_flags(command: Any) -> None:
    """Leave <bool> out of the help: a flag takes no value."""
    for parameter in command.params:
        if getattr(parameter, "is_bool_flag", False):
            parameter.metavar = ""
    for each in getattr(command, "commands", {}).values():
        _name_no_type_of_flags(each)


def main() -> None:
    """Run one command and exit with its code. A failure is printed as one line, never as a traceback."""
    try:
        _expect_streams()
        collect_rarely()
        sys.unraisablehook = _tell_unraisable
        _check_arguments(sys.argv[1:])
        command_line()()
    except WrongSettingsError as e:
        show_error(str(e))
        sys.exit(WRONG_USAGE)
    except NotYetReflectedError as e:
        show_error(f"{e} See also --wait")
        sys.exit(FAILED)
    except NoStoreError as e:
        show_error(f"{e}.{where_the_store_may_be(load_settings(), Path.cwd())}")
        sys.exit(FAILED)
    except UnknownNameError as e:
        show_error(str(e))
        show_note(Format.JSON, footer_text(e.standing, system_clock()))
        sys.exit(FAILED)
    except FAILURES as e:
        show_error(str(e))
        sys.exit(FAILED)
    except UnreadableValueError as e:
        show_error(f"{e}. Was it changed by hand? waybill diff all names the row")
        sys.exit(FAILED)
    except (UnreadableEventError, MapperDeserialisationError) as e:
        show_error(f"{e}. Was it stored by a newer version, or changed by hand?")
        sys.exit(FAILED)
    except STORE_FAILURES as e:
        show_error(f"{_store_failed(e)} Nothing was half done.")
        sys.exit(FAILED)
    except (MemoryError, SystemError, UnicodeDecodeError) as e:
        failure = failure_of(e)
        if failure is None:
            raise
        show_error(f"{failure.value}. {failure.remedy} Nothing was half done.")
        sys.exit(FAILED)
    except (BrokenPipeError, OutputClosedError):
        # Who reads our output has seen enough, such as `head`. Keep the interpreter from complaining about it on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE if READS.intersection(sys.argv[1:2]) else FAILED)
    except OSError as e:
        show_error(_file_failed(e))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _tell_unraisable(ignored: "sys.UnraisableHookArgs") -> None:
    """Silence errors while closing without enough memory: `main` reports the lack of memory once."""
    if ignored.exc_value is None or failure_of(ignored.exc_value) is not Failure.OUT_OF_MEMORY:
        sys.__unraisablehook__(ignored)


def _expect_streams() -> None:
    """Fail with a reason when standard output is closed; go on without standard error."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  (for as long as the process lives)
    if sys.stdout is None:
        show_error("standard output is closed")
        sys.exit(FAILED)


def _check_arguments(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            show_error(f"the argument {argument!a} is not UTF-8")
            sys.exit(WRONG_USAGE)


def _store_failed(error: BaseException) -> str:
    failed = f"the store failed: {reason_of(error)}."
    failure = failure_of(error)
    if failure is not None:
        return f"{failed} {failure.remedy}"
    if is_wrong_sql(error):
        return f"{failed} This is a fault of waybill {waybill_version()}, and not of the store."
    if "unable to open database file" in failed or "readonly database" in failed:
        return f"{failed} A command that changes a store needs write access to its file and its folder."
    if (name := missing_projection(error, every_projection())) is not None:
        return f"{failed} It is a table of {name}: waybill rebuild {name} fills it again, and waybill verify checks it."
    if not passes(error):
        return f"{failed} Is WAYBILL_STORE right?"
    return (
        f"{failed} Such a failure is usually temporary, but this one lasted longer than WAYBILL_RETRY_SECONDS, or "
        f"the command does "
        "not wait: check whether the store can be reached, and what else uses it, then run the same command again."
    )


def _file_failed(error: OSError) -> str:
    failed = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    failure = failure_of(error)
    return failed if failure is None else f"{failure.value} ({failed}). {failure.remedy}"
