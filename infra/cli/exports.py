"""Command that writes a view to a file: export."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infra.app.export import export_rows
from infra.cli.arguments import (
    AsOfOption,
    KnownAtOption,
    MinPositionOption,
    RepOption,
    WaitOption,
    only_of,
    open_waybill,
)
from infra.cli.output import console, progress_bar, readable_instant
from infra.export.formats import FORMATS, SPREADSHEET_ENDING, MissingPackageError, expect_packages
from infra.queries.views import Asked
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View, view_named

DEAD_LETTERS = "dead_letters"


def add_commands(app: typer.Typer) -> None:
    app.command()(export)


def export(
    name: Annotated[str, typer.Argument(help="A view, such as overdue, or order_states: all periods of all orders.")],
    to: Annotated[Path, typer.Option("--to", help="The file: .csv, .jsonl (JSON Lines) or .parquet.")],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    rep: RepOption = None,
    min_position: MinPositionOption = None,
    wait: WaitOption = 10,
    for_spreadsheets: Annotated[
        bool, typer.Option("--for-spreadsheets", help="Write CSV in which a spreadsheet sees no text as a formula.")
    ] = False,
) -> None:
    """Write a view of any size to a file. The file is complete or absent; an existing file is replaced."""
    view = _exported(name, rep, min_position)
    if view is not None:
        only_of(view, rep)
    _expect_writable(to)
    if for_spreadsheets and to.suffix.lower() != SPREADSHEET_ENDING:
        raise typer.BadParameter(f"--for-spreadsheets needs a {SPREADSHEET_ENDING} file", param_hint="--to")
    with open_waybill() as waybill, progress_bar() as progress:
        if view is not None and min_position is not None:
            waybill.views.wait_for(view, min_position, timedelta(seconds=wait))
        task = progress.add_task(str(to), total=None)

        def show(written: int, count: Callable[[], int]) -> None:
            total = progress.tasks[0].total or count()
            progress.update(task, total=total, completed=written)

        report = export_rows(
            waybill,
            view,
            to,
            Asked(as_of, known_at),
            rep,
            on_rows=None if progress.disable else show,
            for_spreadsheets=for_spreadsheets,
        )
    known = f", as known at {readable_instant(known_at)}" if known_at else ""
    console().print(
        f"{report.rows:,} rows in {escape(str(to))}, as of {readable_instant(report.instant)}{known}; "
        f"reflects position {report.position}"
    )


def _exported(name: str, rep: str | None, min_position: int | None) -> View | None:
    """The view of that name; None for dead letters, which are not a projection's view."""
    if name.replace("-", "_") == DEAD_LETTERS:
        if rep is not None or min_position is not None:
            raise typer.BadParameter("dead letters have no rep and no projection: leave out --rep and --min-position")
        return None
    if name.replace("-", "_") == ALL_ORDER_STATES.relation:
        return ALL_ORDER_STATES
    try:
        return view_named(name)
    except KeyError:
        known = ", ".join([*(view.relation for view in VIEWS), ALL_ORDER_STATES.relation, DEAD_LETTERS])
        raise typer.BadParameter(f"{name} is not one of {known}", param_hint="NAME") from None


def _expect_writable(to: Path) -> None:
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
