"""Commands for analysts, and for whoever lets them in."""

import sys
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from infra.app.container import Waybill
from infra.cli.arguments import (
    AsOfOption,
    KnownAtOption,
    MinPositionOption,
    RepOption,
    WaitOption,
    asked,
    open_waybill,
)
from infra.cli.output import console, errors, moment
from infra.export.formats import FORMATS, MissingPackageError, expect_packages
from infra.export.whole_file import whole_file
from infra.queries.streamed import Streamed
from infra.queries.views import Asked
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View, view_named

DEAD_LETTERS = "dead_letters"

analysts = typer.Typer(no_args_is_help=True, help="Who may query the relations in PostgreSQL with SQL of their own.")

RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="A role of the database, such as analyst.")]


def add_commands(app: typer.Typer) -> None:
    app.command()(export)
    app.add_typer(analysts, name="analysts")


def export(
    name: Annotated[str, typer.Argument(help="A view, such as overdue, or order_states: all periods of all orders.")],
    to: Annotated[Path, typer.Option("--to", help="The file: .csv, .jsonl (JSON Lines) or .parquet.")],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    rep: RepOption = None,
    min_position: MinPositionOption = None,
    wait: WaitOption = 10,
) -> None:
    """Write a view to a file, however long it is. The file is there whole or not at all; one that was is replaced."""
    view = _exported(name, rep, min_position)
    form = _form(to)
    with open_waybill() as waybill:
        if view is not None and min_position is not None:
            waybill.views.wait_for(view, min_position, timedelta(seconds=wait))
        with (
            _asked_of(waybill, view, asked(as_of, known_at), rep) as answer,
            Progress(console=errors(), transient=True, disable=not sys.stderr.isatty()) as bar,
            whole_file(to) as part,
            FORMATS[form](part, answer.columns) as write,
        ):
            task = bar.add_task(str(to), total=None if bar.disable else answer.count())
            written = 0
            for batch in answer.batches():
                write(batch)
                written += len(batch)
                bar.update(task, completed=written)
    known = f", as known at {moment(known_at)}" if known_at else ""
    console().print(
        f"{written:,} rows in {escape(str(to))}, as of {moment(answer.instant)}{known}; "
        f"reflects position {answer.position}"
    )


def _exported(name: str, rep: str | None, min_position: int | None) -> View | None:
    """The view of that name; None for the dead letters, which are no view of a projection."""
    if name.replace("-", "_") == DEAD_LETTERS:
        if rep is not None or min_position is not None:
            raise typer.BadParameter("dead letters are of no rep, and of no projection: leave --rep and --min-position")
        return None
    if name.replace("-", "_") == ALL_ORDER_STATES.relation:
        return ALL_ORDER_STATES
    try:
        return view_named(name)
    except KeyError:
        known = ", ".join([*(view.relation for view in VIEWS), ALL_ORDER_STATES.relation, DEAD_LETTERS])
        raise typer.BadParameter(f"{name} is not one of {known}", param_hint="NAME") from None


def _asked_of(waybill: Waybill, view: View | None, clocks: Asked, rep: str | None) -> AbstractContextManager[Streamed]:
    if view is None:
        head, now = waybill.history.head(), waybill.clock()
        return waybill.dead_letters.stream(head, now, clocks.as_of, clocks.known_at)
    return waybill.views.stream(view, clocks, None if rep is None else {"rep_id": rep})


def _form(to: Path) -> str:
    form = to.suffix.lower()
    if form not in FORMATS:
        raise typer.BadParameter(f"{to} must end in {', '.join(FORMATS)}", param_hint="--to")
    if not to.parent.is_dir():
        raise typer.BadParameter(f"the folder {to.parent} does not exist", param_hint="--to")
    if to.is_dir():
        raise typer.BadParameter(f"{to} is a folder", param_hint="--to")
    try:
        expect_packages(form)
    except MissingPackageError as e:
        raise typer.BadParameter(str(e), param_hint="--to") from None
    return form


@analysts.command()
def grant(role: RoleArgument) -> None:
    """Let a role read the schema waybill, and nothing else. The role must exist; see docs/analysts.md."""
    with open_waybill() as waybill:
        excess = waybill.grant_analyst(role)
    console().print(f"{escape(role)} reads the relations of the schema waybill and calls its functions")
    for said in excess:
        errors().print(f"[yellow]waybill:[/yellow] but {escape(said)}")


@analysts.command()
def revoke(role: RoleArgument) -> None:
    """Take that back."""
    with open_waybill() as waybill:
        waybill.revoke_analyst(role)
    console().print(f"{escape(role)} does not read the schema waybill any more")
