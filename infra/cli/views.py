"""Commands that show a view: overdue, workload and the others of the catalogue."""

from collections.abc import Callable, Mapping
from datetime import timedelta

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
from infra.cli.output import Format, show_note
from infra.cli.tables.columns import ColumnChoice
from infra.cli.view_answers import ByOption, ContactsOption, MonthOption, scorecard_asked, show_answer
from infra.queries.views import Asked
from projections.order_states import ORDER_STATES
from projections.views.catalogue import VIEWS, View
from projections.views.variants import workload_view


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
    view, only = scorecard_asked(month, by, rep, contacts=contacts)
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
        reactors = reactors_of_view(view.relation) if asked.known_at is None else ()
        footer = answer_footer(waybill, answer.position, reactors=reactors)
        show_answer(view, asked, answer, form, choice, empty=footer.empty())
        if not rows and asked.as_of is not None and asked.known_at is None and ORDER_STATES in view.projections:
            first = first_order_after(waybill, asked.as_of)
            if first is not None:
                show_note(form, before_first_order(first))
        show_note(form, footer.line)
