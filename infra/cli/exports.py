"""Command that writes relations to files: export."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from domain.counted import counted
from domain.nearest import did_you_mean
from infra.app.container import Waybill
from infra.app.export import ForeignFilesError, expect_own_files, export_all, export_rows, relation_named
from infra.app.reactor_lag import REASONS, reactors_of_view
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import (
    AsOfOption,
    KnownAtOption,
    MinPositionOption,
    RepOption,
    WaitOption,
    open_waybill,
)
from infra.cli.output import Format, console, progress_bar, readable_instant, show_note, show_warning
from infra.export.formats import FORMATS, SPREADSHEET_ENDING, MissingPackageError, expect_packages
from infra.queries.exported import DEAD_LETTERS, Exported, exported_relations
from infra.queries.views import Asked
from infra.settings import load_settings
from infra.sql_views.relations import BELIEFS


class FileFormat(StrEnum):
    """The formats of the files of a folder."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def add_commands(app: typer.Typer) -> None:
    app.command()(export)


def export(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A view, such as overdue, or another relation of docs/analysts.md, such as contacts.",
            autocompletion=completion.relations,
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The file: .csv, .jsonl (JSON Lines) or .parquet.")] = None,
    every: Annotated[
        Path | None,
        typer.Option("--all", metavar="DIR", help="Write every relation to this folder, with a manifest.json."),
    ] = None,
    form: Annotated[
        FileFormat | None, typer.Option("--format", help="The format of the files of --all.", show_default="parquet")
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    rep: RepOption = None,
    min_position: MinPositionOption = None,
    wait: WaitOption = 10,
    for_spreadsheets: Annotated[
        bool, typer.Option("--for-spreadsheets", help="Write CSV in which a spreadsheet sees no text as a formula.")
    ] = False,
) -> None:
    """Write a relation of any size to a file, or all of them to a folder. An existing one is replaced as a whole."""
    clocks = Asked(as_of, known_at)
    waits = (min_position, timedelta(seconds=wait))
    if every is not None:
        _expect_alone(name, to, rep, for_spreadsheets)
        _export_folder(every, f".{form or FileFormat.PARQUET}", clocks, *waits)
        return
    if name is None:
        raise typer.BadParameter("name a relation, or write them all with --all DIR", param_hint="NAME")
    if to is None:
        ending = form or FileFormat.PARQUET
        raise typer.BadParameter(
            f"--to is missing: name the file, such as --to {name.replace('-', '_')}.{ending}", param_hint="NAME"
        )
    if form is not None:
        raise typer.BadParameter(
            "the ending of --to FILE says its format; --format is for --all", param_hint="--format"
        )
    _export_file(_relation(name, rep, min_position), to, clocks, rep, *waits, for_spreadsheets)


def _expect_alone(name: str | None, to: Path | None, rep: str | None, for_spreadsheets: bool) -> None:
    if name is not None or to is not None:
        raise typer.BadParameter("it writes every relation: leave out NAME and --to", param_hint="--all")
    if rep is not None:
        raise typer.BadParameter("not every relation has a rep: leave out --rep", param_hint="--all")
    if for_spreadsheets:
        raise typer.BadParameter("it is for single files: leave out --for-spreadsheets", param_hint="--all")


def _export_folder(folder: Path, ending: str, clocks: Asked, min_position: int | None, patience: timedelta) -> None:
    _expect_format(ending, "--all")
    if not folder.resolve().parent.is_dir():
        raise typer.BadParameter(f"the folder {folder.parent} does not exist", param_hint="--all")
    try:
        expect_own_files(folder)
    except ForeignFilesError as e:
        raise typer.BadParameter(str(e), param_hint="--all") from None
    with open_waybill() as waybill, progress_bar() as progress:
        relations = waybill.exports.relations
        _wait(waybill, relations, min_position, patience)
        task = progress.add_task("", total=len(relations))
        done = {one.relation: place for place, one in enumerate(relations)}

        def show(relation: Exported, written: int) -> None:
            said = f"{relation.relation}: {counted(written, 'row')}"
            progress.update(task, description=said, completed=done[relation.relation])

        report = export_all(waybill, folder, clocks, ending, show)
        footer = answer_footer(waybill, report.position, reactors=() if clocks.known_at else tuple(REASONS))
    console().print(
        f"{counted(report.rows, 'row')} in {counted(report.files, 'file')} of {escape(str(folder))}, "
        f"{_by_clocks(report.instant, clocks)}; reflects position {report.position}"
    )
    for relation, reason in report.left_out.items():
        show_warning(f"{relation} is left out: {reason}")
    show_note(Format.TABLE, footer.line)


def _export_file(
    relation: Exported,
    to: Path,
    clocks: Asked,
    rep: str | None,
    min_position: int | None,
    patience: timedelta,
    for_spreadsheets: bool,
) -> None:
    _expect_writable(to)
    if for_spreadsheets and to.suffix.lower() != SPREADSHEET_ENDING:
        raise typer.BadParameter(f"--for-spreadsheets needs a {SPREADSHEET_ENDING} file", param_hint="--to")
    with open_waybill() as waybill, progress_bar() as progress:
        _wait(waybill, [relation], min_position, patience)
        task = progress.add_task(str(to), total=None)

        def show(written: int, count: Callable[[], int]) -> None:
            total = progress.tasks[0].total or count()
            progress.update(task, total=total, completed=written)

        report = export_rows(
            waybill,
            relation,
            to,
            clocks,
            rep,
            on_rows=None if progress.disable else show,
            for_spreadsheets=for_spreadsheets,
        )
        reactors = () if clocks.known_at else reactors_of_view(relation.relation)
        footer = answer_footer(waybill, report.position, reactors=reactors)
    console().print(
        f"{counted(report.rows, 'row')} in {escape(str(to))}, {_by_clocks(report.instant, clocks)}; "
        f"reflects position {report.position}"
    )
    show_note(Format.TABLE, footer.line)


def _by_clocks(instant: datetime, clocks: Asked) -> str:
    known = f", as known at {readable_instant(clocks.known_at)}" if clocks.known_at else ""
    return f"as of {readable_instant(instant)}{known}"


def _wait(waybill: Waybill, relations: Sequence[Exported], min_position: int | None, patience: timedelta) -> None:
    if min_position is not None:
        for relation in relations:
            if relation.projections:
                waybill.views.wait_for(relation, min_position, patience)


def _relation(name: str, rep: str | None, min_position: int | None) -> Exported:
    settings = load_settings()
    relations = exported_relations(timedelta(hours=settings.hold_hours), settings.time_zone)
    try:
        relation = relation_named(relations, name)
    except KeyError:
        if name.replace("-", "_") in {table.name for table in BELIEFS}:
            raise typer.BadParameter(
                f"{name} is not exported: --known-at K asks any other relation what was believed at K, such as "
                "waybill export orders --known-at K --to orders.parquet; with SQL, the relation itself can be read",
                param_hint="NAME",
            ) from None
        known = [one.relation for one in relations]
        nearest = did_you_mean(name, [*(one.command for one in relations if one.command), *known])
        raise typer.BadParameter(f"{name} is not one of {', '.join(known)}{nearest}", param_hint="NAME") from None
    if relation.relation == DEAD_LETTERS and (rep is not None or min_position is not None):
        raise typer.BadParameter("dead letters have no rep and no projection: leave out --rep and --min-position")
    if rep is not None and all(column.name != "rep_id" for column in relation.columns):
        raise typer.BadParameter(f"{relation.relation} has no rep_id column: leave out --rep", param_hint="--rep")
    return relation


def _expect_format(ending: str, option: str) -> None:
    try:
        expect_packages(ending)
    except MissingPackageError as e:
        raise typer.BadParameter(str(e), param_hint=option) from None


def _expect_writable(to: Path) -> None:
    form = to.suffix.lower()
    if form not in FORMATS:
        raise typer.BadParameter(f"{to} must end in {', '.join(FORMATS)}", param_hint="--to")
    if not to.parent.is_dir():
        raise typer.BadParameter(f"the folder {to.parent} does not exist", param_hint="--to")
    if to.is_dir():
        raise typer.BadParameter(f"{to} is a folder", param_hint="--to")
    _expect_format(form, "--to")
