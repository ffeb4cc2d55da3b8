"""Commands that show a view: overdue, workload and the others of the catalogue."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated

import typer

from infra.app.known_names import expect_rep
from infra.app.reactor_lag import reactors_of_view
from infra.app.store_standing import first_order_after
from infra.cli.answer_footer import answer_footer, before_first_order
from infra.cli.arguments import (
    AsOfOption,
    FormatOption,
    KnownAtOption,
    LimitOption,
    MinPositionOption,
    NoRepOption,
    RepOption,
    WaitOption,
    only_of,
    open_waybill,
)
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.cli.tables.columns import ColumnChoice
from infra.cli.tables.importance import VIEW_COLUMNS
from infra.queries.views import Asked
from projections.order_states import ORDER_STATES
from projections.views.catalogue import VIEWS, View
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view, workload_view

ContactsOption = Annotated[bool, typer.Option("--contacts", help="Also count contacts by kind, each in a column.")]
MonthOption = Annotated[
    str | None, typer.Option("--month", metavar="YYYY-MM", help="Only this month, of the business time zone.")
]
ByOption = Annotated[Grouping | None, typer.Option("--by", help="Sum up the reps of each team or mentor.")]
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def add_commands(app: typer.Typer) -> None:
    own: dict[str, Callable[..., None]] = {"scorecard": _scorecard, "workload": _workload}
    for view in VIEWS:
        command = own.get(view.command) or _command(view)
        app.command(name=view.command, help=view.description)(command)
        for name in {view.relation, view.relation.replace("_", "-")} - {view.command}:
            app.command(name=name, hidden=True, help=view.description)(command)


def _command(view: View) -> Callable[..., None]:
    def ask(
        as_of: AsOfOption = None,
        known_at: KnownAtOption = None,
        rep: RepOption = None,
        limit: LimitOption = None,
        min_position: MinPositionOption = None,
        wait: WaitOption = 10,
        columns: ColumnsOption = None,
        wide: WideOption = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        choice = read_choice(columns, wide, view.columns)
        _show(view, Asked(as_of, known_at), only_of(view, rep), limit, min_position, wait, form, choice)

    if "rep_id" not in view.columns:
        ask.__annotations__["rep"] = NoRepOption
    return ask


def _scorecard(
    month: MonthOption = None,
    by: ByOption = None,
    contacts: ContactsOption = False,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    rep: RepOption = None,
    limit: LimitOption = None,
    min_position: MinPositionOption = None,
    wait: WaitOption = 10,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    if month is not None and not MONTH.fullmatch(month):
        raise typer.BadParameter(f"{month!r} is not a month; give one as 2026-03", param_hint="--month")
    if by is not None and rep is not None:
        raise typer.BadParameter("totals have no rep: leave out --rep or --by", param_hint="--rep")
    view = scorecard_view(by, contacts=contacts)
    only = (only_of(view, rep) or {}) | ({"month": month} if month is not None else {})
    choice = read_choice(columns, wide, view.columns)
    _show(view, Asked(as_of, known_at), only, limit, min_position, wait, form, choice)


def _workload(
    contacts: ContactsOption = False,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    rep: RepOption = None,
    limit: LimitOption = None,
    min_position: MinPositionOption = None,
    wait: WaitOption = 10,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    view = workload_view(contacts=contacts)
    choice = read_choice(columns, wide, view.columns)
    _show(view, Asked(as_of, known_at), only_of(view, rep), limit, min_position, wait, form, choice)


def _show(
    view: View,
    asked: Asked,
    only: Mapping[str, str] | None,
    limit: int | None,
    min_position: int | None,
    wait: float,
    form: Format,
    choice: ColumnChoice,
) -> None:
    with open_waybill() as waybill:
        if min_position is not None:
            waybill.views.wait_for(view, min_position, timedelta(seconds=wait))
        answer = waybill.views.ask(view, asked, only, limit, counted=True)
        rows = answer.rows
        if not rows and only is not None and "rep_id" in only:
            expect_rep(waybill, only["rep_id"])
        known = f", as known at {readable_instant(asked.known_at)}" if asked.known_at else ""
        shown = f"{len(rows)} of {answer.total}" if len(rows) != answer.total else str(len(rows))
        number = f"{shown} row" if shown == "1" else f"{shown} rows"
        reactors = reactors_of_view(view.relation) if asked.known_at is None else ()
        footer = answer_footer(waybill, answer.position, reactors=reactors)
        show_rows(
            answer.columns,
            rows,
            form,
            title=view.description,
            empty=footer.empty(),
            importance=VIEW_COLUMNS.get(view.relation, ()),
            choice=choice,
        )
        show_note(
            form,
            f"{number} as of {readable_instant(answer.instant)}{known}; reflects position {answer.position}",
        )
        if not rows and asked.as_of is not None and asked.known_at is None and ORDER_STATES in view.projections:
            first = first_order_after(waybill, asked.as_of)
            if first is not None:
                show_note(form, before_first_order(first))
        show_note(form, footer.line)
