"""Command that rebuilds the rows of views: rebuild."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from domain.order.kind import ORDER
from infra.app.bitemporal import BeliefsDropped, drop_beliefs
from infra.app.container import Waybill
from infra.app.diff import UnknownViewError, projections_named
from infra.app.processes import MOST_PROCESSES, processes_to_rebuild
from infra.app.rebuild.drop_old import Dropped, drop_old
from infra.app.rebuild.meter import CHECKING, LOADING
from infra.app.rebuild.rebuild import Rebuild, Rebuilt
from infra.app.rebuild.rebuild_key import RebuiltKey, rebuild_key
from infra.app.rebuild.set_back import SetBack, set_back
from infra.archive.folder import ArchiveFolder
from infra.archive.rows_reading import RowsFolder, open_rows
from infra.beliefs.stored import kept_projections
from infra.cli import completion
from infra.cli.archive_options import folder_of
from infra.cli.arguments import FormatOption, OperatorOption, expect_store, open_waybill
from infra.cli.output import Format, errors, progress_bar, show_note, show_rows, show_warning
from infra.store.opening import Access
from infra.store.operator_log import Who
from projections.catalogue import BITEMPORAL, every_projection
from projections.projection import Projection
from projections.rebuild import RebuildProgress


def add_commands(app: typer.Typer) -> None:
    app.command()(rebuild)


def rebuild(
    operator: OperatorOption,
    view: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A view or a projection, such as overdue or order_states.",
            autocompletion=completion.projections,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every projection.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="Only the rows of this order, rep or account.")
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Let the rows from before the last rebuild serve again.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop-old", help="Drop the rows from before the last rebuild.")] = False,
    max_rate: Annotated[
        float | None, typer.Option("--max-rate", min=1, metavar="N", help="Read at most N events, or rows, a second.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            min=1,
            max=MOST_PROCESSES,
            metavar="N",
            help="Fill the new rows with N processes (default: as many as there are processors, 1 on SQLite and for a "
            "small store).",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Load the rows that `waybill spark rebuild` wrote to this folder or URL, then catch up.",
            show_default=False,
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin from the start, even if a rebuild was interrupted.")
    ] = False,
    bitemporal: Annotated[
        bool | None,
        typer.Option(
            "--bitemporal/--no-bitemporal",
            help="Keep what was believed of each order, and when, and fill it from all events; or drop it. "
            "Without a NAME: it concerns all orders.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is stored with your name.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Rebuild the rows of a view from the events, beside those in use, and take them into use when they are whole.

    Queries, projectors and writers go on meanwhile. If it is interrupted, run it again to continue. It stops at the
    first event that fails, and names it. Before it, `waybill diff NAME` shows what would change.
    """
    if bitemporal is not None:
        others = view is not None or every or key is not None or back or drop or processes is not None
        others = others or source is not None
        if others or (not bitemporal and (max_rate or anew)):
            raise typer.BadParameter("stands alone, without a NAME", param_hint="--bitemporal/--no-bitemporal")
        _bitemporal(Who(operator, reason), form, keep=bitemporal, max_rate=max_rate, anew=anew)
        return
    projections = _named(view, every=every)
    of_a_rebuild = max_rate is not None or processes is not None or anew or source is not None
    if sum((back, drop, key is not None, of_a_rebuild)) > 1:
        raise typer.BadParameter(
            "--back, --drop-old and --key stand alone; --from, --max-rate, --processes and --anew are for a rebuild"
        )
    if source is not None and processes is not None:
        raise typer.BadParameter("one process loads rows: leave it out with --from", param_hint="--processes")
    who = Who(operator, reason)
    rows = None if source is None else _rows_in(source)
    expect_store()
    with open_waybill(access=Access.ACTING) as waybill:
        projections = _kept(waybill, projections, every=every)
        if rows is not None:
            projections = _without_beliefs(projections, every=every, form=form)
        if back:
            _show(SetBack._fields, set_back(waybill, projections, who), form, "Serving again")
        elif drop:
            _show(Dropped._fields, drop_old(waybill, projections, who), form, "Dropped")
        elif key is not None:
            _show(RebuiltKey._fields, rebuild_key(waybill, projections, key, who), form, "Rebuilt")
        else:
            try:
                number = processes or processes_to_rebuild(waybill)
                done = _with_progress(
                    waybill, projections, who, processes=number, max_rate=max_rate, anew=anew, rows=rows
                )
            except KeyboardInterrupt:
                errors().print("The rebuild was interrupted: the rows before it serve, and the same command continues.")
                raise
            _show(Rebuilt._fields, done, form, "Rebuilt")
            _tell_paused(waybill, done)
            show_note(form, _earlier_rows(waybill, projections, "--all" if every else view))
        # The act itself is an event, which the views pass over.
        waybill.project()


def _tell_paused(waybill: Waybill, done: Sequence[Rebuilt]) -> None:
    """Of those that were paused: that they have moved all the same, and stay paused."""
    paused = waybill.retry(waybill.pauses)
    for each in done:
        if each.projection in paused:
            show_warning(
                f"{each.projection} is paused and stays so, but its new rows reflect position {each.position:,}, and "
                f"not the one at which it was paused; waybill resume {each.projection} lets it go on"
            )


def _earlier_rows(waybill: Waybill, projections: Sequence[Projection], named: str | None) -> str:
    """What can be done with the rows from before a rebuild: to return to them needs the events of all orders."""
    if any(ORDER in projection.kinds for projection in projections) and waybill.history.count_pruned():
        return (
            f"the earlier rows stay until waybill rebuild {named} --drop-old drops them; --back cannot return to them "
            "while orders are pruned"
        )
    return f"the earlier rows stay: waybill rebuild {named} --back returns to them, --drop-old drops them"


def _bitemporal(who: Who, form: Format, *, keep: bool, max_rate: float | None, anew: bool) -> None:
    with open_waybill(access=Access.ACTING) as waybill:
        if keep:
            done = _with_progress(waybill, BITEMPORAL, who, max_rate=max_rate, anew=anew)
            _show(Rebuilt._fields, done, form, "Kept from now on")
            show_note(form, "waybill rebuild --no-bitemporal drops them")
        else:
            _show(BeliefsDropped._fields, drop_beliefs(waybill, who), form, "Dropped")
        waybill.project()


def _kept(waybill: Waybill, projections: Sequence[Projection], *, every: bool) -> Sequence[Projection]:
    """Those to rebuild: with --all, all that the store has. Others are not turned on by their names."""
    with waybill.engine.connect() as connection:
        kept = kept_projections(connection)
    missing = [projection.name for projection in projections if projection not in kept]
    if missing and not every:
        raise typer.BadParameter(
            f"this store does not keep {', '.join(missing)}: waybill rebuild --bitemporal turns it on",
            param_hint="NAME",
        )
    return [projection for projection in projections if projection in kept]


def _rows_in(source: str) -> RowsFolder:
    with folder_of("--from"):
        return open_rows(ArchiveFolder(source))


def _without_beliefs(projections: Sequence[Projection], *, every: bool, form: Format) -> Sequence[Projection]:
    """Those whose rows an engine beside the store makes."""
    left_out = [projection.name for projection in projections if projection.bitemporal]
    if left_out and not every:
        raise typer.BadParameter(
            f"no folder has the rows of {', '.join(left_out)}: waybill rebuild --bitemporal fills them from the events",
            param_hint="NAME",
        )
    if left_out:
        show_note(form, f"{', '.join(left_out)} stays as it is: no folder has its rows")
    return [projection for projection in projections if not projection.bitemporal]


def _named(view: str | None, *, every: bool) -> Sequence[Projection]:
    if (view is None) is not every:
        raise typer.BadParameter("name a view or a projection, or give --all", param_hint="NAME")
    if view is None:
        return every_projection()
    try:
        return projections_named(view)
    except UnknownViewError as e:
        raise typer.BadParameter(f"{e}; --all means each of them", param_hint="NAME") from None


def _with_progress(
    waybill: Waybill,
    projections: Sequence[Projection],
    who: Who,
    *,
    processes: int = 1,
    max_rate: float | None,
    anew: bool,
    rows: RowsFolder | None = None,
) -> list[Rebuilt]:
    with progress_bar() as shown:
        tasks: dict[str, TaskID] = {}

        def tell(told: RebuildProgress) -> None:
            rate = "" if told.rate is None else f" ({_rate(told.part, told.rate)})"
            if told.part not in tasks:
                tasks[told.part] = shown.add_task(told.part, total=told.total)
            shown.update(tasks[told.part], completed=told.done, total=told.total, description=told.part + rate)

        rebuild = Rebuild(waybill, who, processes=processes, max_rate=max_rate, rows=rows, tell=tell)
        return rebuild.run(projections, anew=anew)


def _rate(part: str, rate: float) -> str:
    if part == CHECKING:
        return f"{rate / 1e6:,.0f} MB/s"
    return f"{rate:,.0f} {'rows' if part == LOADING else 'events'}/s"


def _show(columns: Sequence[str], found: Sequence[Any], form: Format, title: str) -> None:
    show_rows(columns, [each._asdict() for each in found], form, title=title, empty="nothing")
