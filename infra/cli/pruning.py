"""Command that takes the events of closed orders out of the store, and brings them back: prune."""

from datetime import datetime
from typing import Annotated

import typer

from domain.counted import counted
from infra.app.container import Waybill
from infra.app.prune.prune import PruneReport, plan_prune
from infra.app.prune.prune import prune as prune_orders
from infra.app.prune.undo import Undone, undo_prune
from infra.cli.archive_options import expect_archive, expect_rows
from infra.cli.arguments import FormatOption, OperatorOption, expect_store, open_waybill, read_instant
from infra.cli.output import Format, errors, progress_bar, show_json, show_note, show_rows
from infra.store.opening import Access
from infra.store.operator_log import Who
from infra.store.pruned import PrunedRow, PrunedStanding, pruned_rows

ROWS = "rows"
"""The folder in that of the archive in which rows are looked for, unless another is named."""

_SHOWN = ("orders", "events", "bytes", "oldest", "newest", "pruned_before")
_LISTED = ("order_id", "events", "archive", "archive_id", "pruned_at", "operator")


def add_commands(app: typer.Typer) -> None:
    app.command()(prune)


def prune(
    archived_before: Annotated[
        datetime | None,
        typer.Option(
            "--archived-before",
            parser=read_instant,
            metavar="T",
            help="Only orders that were closed before T, with nothing recorded since: at least 30 days ago.",
        ),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option("--archive", metavar="DIR", help="ARCHIVE: the one that has their events, a folder or a URL."),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="DIR",
            help="The rows that `waybill spark rebuild` made of it.",
            show_default="the folder rows in ARCHIVE",
        ),
    ] = None,
    do: Annotated[bool, typer.Option("--do", help="Do it. Without it, what would go is only shown.")] = False,
    undo: Annotated[
        list[str] | None, typer.Option("--undo", metavar="ORDER_ID", help="Bring this order's events back.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the orders that are pruned.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, if you want to record it.")] = "",
    *,
    operator: OperatorOption,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take the events of closed orders out of the store, where an archive has them and Spark has made their rows.

    Their rows and messages stay, so views, pages and SQL answer as before, also about the past. What settles events
    (an order's timeline, --known-at, rebuild, diff) says that they are in the archive: ask there with `waybill spark
    ask`. A message that comes for a pruned order is held until --undo brings its events back. Nothing is pruned unless
    you ask for it, and without --do nothing changes. It can be interrupted: run it again to continue.
    """
    if listed:
        if archive or rows or undo or archived_before or do:
            raise typer.BadParameter("stands alone: it lists what is pruned of this store", param_hint="--list")
        with open_waybill() as waybill, waybill.engine.connect() as connection:
            _show_list(pruned_rows(connection), form)
        return
    if archive is None:
        raise typer.BadParameter("name the archive's folder or URL", param_hint="--archive")
    if undo and (archived_before or rows or do):
        raise typer.BadParameter("needs --archive alone, and acts at once: leave out the others", param_hint="--undo")
    if archived_before is None and not undo:
        raise typer.BadParameter(
            "say before which instant orders must have been closed: there is no default, because the default is to "
            "keep all events",
            param_hint="--archived-before",
        )
    who = Who(operator, reason)
    expect_archive(archive, "--archive")
    expect_store()
    if archived_before is None:
        with open_waybill(access=Access.ACTING) as waybill:
            _show_undone(undo_prune(waybill, who, archive, undo or []), form)
        return
    rows = rows or f"{archive.rstrip('/')}/{ROWS}"
    expect_rows(rows, "--rows")
    with open_waybill(access=Access.ACTING if do else Access.READING) as waybill:
        report = _pruned(waybill, who, archive, rows, archived_before, do=do)
        database = waybill.engine.dialect.name
    _show(report, database, form)


def pruned_words(standing: PrunedStanding) -> str:
    """How many orders are pruned, and where their events are."""
    where = ", ".join(standing.archives)
    return f"{counted(standing.orders, 'order')} pruned: {counted(standing.events, 'event')} in {where}"


def _pruned(waybill: Waybill, who: Who, archive: str, rows: str, before: datetime, *, do: bool) -> PruneReport:
    with progress_bar() as progress:
        task = progress.add_task("pruning" if do else "comparing with the archive", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if do:
            try:
                return prune_orders(waybill, who, archive, rows, before, advance)
            except KeyboardInterrupt:
                errors().print("The prune was interrupted: each order is whole or pruned; the same command continues.")
                raise
        return plan_prune(waybill, archive, rows, before, advance)


def _show(report: PruneReport, database: str, form: Format) -> None:
    document = report.document()
    if form is Format.JSON:
        show_json(document)
        return
    footer = "" if report.done or not report.orders else "nothing was changed; to prune them, add --do"
    show_rows(_SHOWN, [{name: document[name] for name in _SHOWN}], form, footer=footer)
    if form is Format.TABLE and report.left_out:
        left = [{"closed_orders": count, "why": reason} for reason, count in report.left_out.most_common()]
        show_rows(("closed_orders", "why"), left, form, title="\nLeft out")
    if report.done and report.orders:
        show_note(form, _space(database))


def _space(database: str) -> str:
    if database == "postgresql":
        return (
            "PostgreSQL uses the space again for new events after its next VACUUM, which autovacuum does by itself; to "
            "give it back to the disk: VACUUM FULL, while nothing else runs"
        )
    return "the file does not shrink: SQLite uses the space again for what is stored next"


def _show_undone(undone: list[Undone], form: Format) -> None:
    show_rows(
        Undone._fields,
        [one._asdict() for one in undone],
        form,
        footer="the views follow with waybill project, and what follows from it with waybill react" if undone else "",
        empty="these orders have their events already",
    )


def _show_list(rows: list[PrunedRow], form: Format) -> None:
    listed = [{**row._asdict(), "order_id": row.stream.removeprefix("order-")} for row in rows]
    show_rows(_LISTED, [{name: row[name] for name in _LISTED} for row in listed], form, empty="no order is pruned")
