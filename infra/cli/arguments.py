"""What commands share: opening the store, and common arguments."""

import getpass
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import structlog
import typer
from pydantic_core import PydanticCustomError

from consumers.contract.values import check_id
from infra.app.container import Waybill
from infra.cli import completion
from infra.cli.output import Format, errors
from infra.instants import WrongInstantError, age_of, instant_of, since_of
from infra.queries.in_processes import InProcesses, in_one_process
from infra.settings import Settings, load_settings
from infra.settled_then.question import SettledPage, SettledQuestion
from infra.store.events.history import History
from infra.store.opening import Access, StoreVersionError
from infra.store.retries import RetryPolicy, may_come_up, passes, store_failures
from infra.telemetry.logs import configure_logs
from infra.telemetry.meter import NO_METER, Meter
from projections.views.catalogue import View

LONGEST_OPERATOR = 100


def read_instant(text: str | datetime) -> datetime:
    """An instant with offset, such as 2014-02-20T09:00:00Z, or a date, which means its start in the business zone."""
    if isinstance(text, datetime):
        return text  # a default, which is parsed like what the user gives
    try:
        return instant_of(text, load_settings().zone)
    except WrongInstantError as e:
        raise typer.BadParameter(str(e)) from None


def read_age(text: str | timedelta) -> timedelta:
    """An age, such as 90m, 12h, 3d or 2w."""
    if isinstance(text, timedelta):
        return text  # a default, which is parsed like what the user gives
    try:
        return age_of(text)
    except WrongInstantError as e:
        raise typer.BadParameter(str(e)) from None


def read_since(text: str | datetime) -> datetime:
    """An instant as `read_instant` reads it, or an age, such as 2h, which means so long ago."""
    if isinstance(text, datetime):
        return text  # a default, which is parsed like what the user gives
    try:
        return since_of(text, load_settings().zone, datetime.now(UTC))
    except WrongInstantError as e:
        raise typer.BadParameter(str(e)) from None


def login_name() -> str:
    """The name of the login, for messages that an operator makes."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"user-{os.getuid()}"


def read_operator(text: str) -> str:
    """An operator's name. It is part of the name of a stream and of a source, which are ids."""
    try:
        name = check_id(text)
    except PydanticCustomError as e:
        raise typer.BadParameter(f"{e.message()}: give a name, such as ann") from None
    if not name.strip() or name != name.strip() or len(name) > LONGEST_OPERATOR:
        raise typer.BadParameter(
            f"must be a name of 1 to {LONGEST_OPERATOR} characters without spaces at its ends, such as ann"
        )
    return name


def read_why(text: str) -> str:
    """The reason of an act. Whoever asks later needs one."""
    if not text.strip():
        raise typer.BadParameter("must say why")
    return text


def why_option(meaning: str) -> Any:
    """The option --reason of an act that needs one."""
    return typer.Option("--reason", parser=read_why, metavar="WHY", help=meaning)


FormatOption = Annotated[Format, typer.Option("--format", help="table for people; json or csv for programs.")]
AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=read_instant, metavar="T", help="What was true at T, however late it was reported."),
]
KnownAtOption = Annotated[
    datetime | None,
    typer.Option("--known-at", parser=read_instant, metavar="K", help="Count only what the service knew at K."),
]
RepOption = Annotated[str | None, typer.Option("--rep", help="Only rows of this rep.", autocompletion=completion.reps)]
NoRepOption = Annotated[str | None, typer.Option("--rep", hidden=True)]
"""The same for a view without reps: not in its help, and refused with the reason."""
MinPositionOption = Annotated[
    int | None,
    typer.Option("--min-position", min=0, metavar="P", help="Answer once the view reflects this position."),
]
WaitOption = Annotated[
    float, typer.Option("--wait", min=0, max=86_400, metavar="SECONDS", help="How long to wait for --min-position.")
]
SubjectOption = Annotated[
    str | None, typer.Option("--subject", help="Only messages about this subject.", autocompletion=completion.orders)
]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only messages of this source.", autocompletion=completion.sources)
]
TypeOption = Annotated[
    str | None, typer.Option("--type", help="Only messages of this type.", autocompletion=completion.message_types)
]
OperatorOption = Annotated[
    str,
    typer.Option(
        "--operator",
        default_factory=login_name,
        show_default="the login's name",
        parser=read_operator,
        metavar="NAME",
        help="Who acts.",
    ),
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="The maximum number of rows.")]


def only_of(view: View, rep: str | None) -> dict[str, str] | None:
    """The filter of --rep. Raises BadParameter for a view without a rep_id column."""
    if rep is None:
        return None
    if "rep_id" not in view.columns:
        raise typer.BadParameter(f"{view.relation} has no rep_id column: leave out --rep", param_hint="--rep")
    return {"rep_id": rep}


@contextmanager
def open_waybill(
    stop: Event | None = None, *, waits: bool = False, access: Access = Access.READING, meter: Meter = NO_METER
) -> Iterator[Waybill]:
    """The service on the configured store: for reading, unless the command acts.

    With `stop` (long-running parts), it waits for an unavailable store until `stop` is set, and an outage at that
    moment is no failure. With `waits` (commands that would lose messages), it waits for WAYBILL_RETRY_SECONDS. Other
    commands fail at once. `meter` counts what its parts do.
    """
    settings = load_settings()
    configure_logs(settings)
    if access is Access.ACTING:
        _note_new_store(settings)
    patience = settings.retry_seconds if waits or stop is not None else 0
    # Other commands may run long or have threads, and people wait for more than one of their answers at a time.
    in_processes = _in_processes(settings) if access is Access.READING else in_one_process
    opening = RetryPolicy(patience, stop, may_come_up)
    try:
        with opening(lambda: Waybill(settings, access=access, meter=meter, in_processes=in_processes)) as waybill:
            yield waybill
    except store_failures() as e:
        if stop is None or not stop.is_set() or not (passes(e) or may_come_up(e)):
            raise
        # Retries repeat whole transactions, so nothing is half done.
        structlog.get_logger(__name__).info("stopped_without_store", reason=str(e).splitlines()[0])
        raise typer.Exit from None


def expect_store() -> None:
    """Raise NoStoreError before an act that would make an empty store where there is none to act on."""
    try:
        with open_waybill():
            pass
    except StoreVersionError:
        pass  # it is there, and who acts says what to do


def _in_processes(settings: Settings) -> InProcesses:
    def shared(history: History, question: SettledQuestion) -> AbstractContextManager[Iterator[SettledPage] | None]:
        # Imported here: only questions about what was known need it.
        from infra.app.settling_processes import settled_in_processes

        return settled_in_processes(settings, history, question)

    return shared


def _note_new_store(settings: Settings) -> None:
    if settings.sqlite_path is not None and not Path(settings.sqlite_path).exists():
        errors().print(f"[dim]{settings.store} is a new store; to use another, set WAYBILL_STORE[/dim]")
