"""Command about what a rebuild would change: diff."""

from typing import Annotated, Any

import typer

from infra.app.diff import SAMPLES, TableDiff, UnknownViewError, diff_projections, projections_named
from infra.beliefs.stored import kept_projections
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import AsOfOption, FormatOption, open_waybill
from infra.cli.output import AsRecords, Format, progress_bar, show_json, show_note, show_rows
from infra.row_changes import change_as_json, sample_rows

ALL = "all"
COLUMNS = ("table", "live_version", "version", "rows", "added", "gone", "changed", "columns")
SAMPLE_COLUMNS = ("table", "change", "key", "column", "now", "rebuilt")


def add_commands(app: typer.Typer) -> None:
    app.command()(diff)


def diff(
    view: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A view or a projection, such as overdue or order_states; or all.",
            autocompletion=completion.projections,
        ),
    ],
    as_of: AsOfOption = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="How many changed rows of each table to show.")
    ] = SAMPLES,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show which rows a rebuild of a view would change, before it does. Exits with 1 if any row differs.

    It compares the rows that people query now with the rows that this waybill shapes from the events up to the same
    position, and writes nothing. With --as-of, it compares only the rows that are valid at that instant.
    """
    try:
        named = None if view == ALL else projections_named(view)
    except UnknownViewError as e:
        raise typer.BadParameter(f"{e}; all means each of them") from None
    with open_waybill() as waybill, progress_bar() as progress:
        with waybill.engine.connect() as connection:
            projections = kept_projections(connection) if named is None else named
        task = progress.add_task("settling every subject again", total=None)
        found = diff_projections(
            waybill, projections, as_of, samples=samples, on_stream=lambda: progress.update(task, advance=1)
        )
        footer = answer_footer(waybill)
    if form is Format.JSON:
        show_json([_as_json(each) for each in found])
    else:
        show_rows(COLUMNS, [{**each._asdict(), "columns": _columns(each)} for each in found], form, title="Differences")
    if form is Format.TABLE:
        shown = [
            row
            for each in found
            for change in each.samples
            for row in sample_rows("table", each.table, change, "now", "rebuilt")
        ]
        if shown:
            show_rows(SAMPLE_COLUMNS, shown, form, title="\nSamples", records=AsRecords.IF_NOT_WHOLE)
        if rebuilt := sorted({each.projection for each in found if each.differs}):
            show_note(form, f"a rebuild would change {', '.join(rebuilt)}")
        else:
            show_note(form, "a rebuild would change nothing")
    show_note(form, footer.line)
    if any(each.differs for each in found):
        raise typer.Exit(1)


def _as_json(found: TableDiff) -> dict[str, Any]:
    return {**found._asdict(), "samples": [change_as_json(change, "now", "rebuilt") for change in found.samples]}


def _columns(found: TableDiff) -> str:
    return ", ".join(
        [
            *(f"{name} {count}" for name, count in found.columns.items()),
            *(f"{name} (new)" for name in found.new_columns),
            *(f"{name} (no longer there)" for name in found.old_columns),
        ]
    )
