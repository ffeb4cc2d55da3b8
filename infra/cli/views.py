"""Commands that show a view: overdue, workload and the others of the catalogue."""

from collections.abc import Callable
from datetime import timedelta

import typer

from infra.cli.arguments import (
    AsOfOption,
    FormatOption,
    KnownAtOption,
    LimitOption,
    MinPositionOption,
    RepOption,
    WaitOption,
    only_of,
    open_waybill,
)
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.queries.views import Asked
from projections.views.catalogue import VIEWS, View


def add_commands(app: typer.Typer) -> None:
    for view in VIEWS:
        app.command(name=view.command, help=view.description)(_command(view))
        for name in {view.relation, view.relation.replace("_", "-")} - {view.command}:
            app.command(name=name, hidden=True, help=view.description)(_command(view))


def _command(view: View) -> Callable[..., None]:
    def ask(
        as_of: AsOfOption = None,
        known_at: KnownAtOption = None,
        rep: RepOption = None,
        limit: LimitOption = None,
        min_position: MinPositionOption = None,
        wait: WaitOption = 10,
        form: FormatOption = Format.TABLE,
    ) -> None:
        with open_waybill() as waybill:
            if min_position is not None:
                waybill.views.wait_for(view, min_position, timedelta(seconds=wait))
            only = only_of(view, rep)
            answer = waybill.views.ask(view, Asked(as_of, known_at), only, limit, counted=True)
            rows = answer.rows
            known = f", as known at {readable_instant(known_at)}" if known_at else ""
            shown = f"{len(rows)} of {answer.total}" if len(rows) != answer.total else str(len(rows))
            show_rows(answer.columns, rows, form, title=view.description, empty="none")
            show_note(
                form,
                f"{shown} rows as of {readable_instant(answer.instant)}{known}; reflects position {answer.position}",
            )

    return ask
