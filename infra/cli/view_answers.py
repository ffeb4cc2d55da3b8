"""What all commands share that answer with a view: the options of single views, and how an answer is shown."""

import re
from collections.abc import Mapping
from typing import Annotated

import typer

from infra.cli.arguments import only_of
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.cli.tables.columns import ColumnChoice
from infra.cli.tables.importance import VIEW_COLUMNS
from infra.queries.views import Answer, Asked
from projections.views.catalogue import View
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view

ContactsOption = Annotated[bool, typer.Option("--contacts", help="Also count contacts by kind, each in a column.")]
MonthOption = Annotated[
    str | None, typer.Option("--month", metavar="YYYY-MM", help="Only this month, of the business time zone.")
]
ByOption = Annotated[Grouping | None, typer.Option("--by", help="Sum up the reps of each team or mentor.")]
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def scorecard_asked(
    month: str | None, by: Grouping | None, rep: str | None, *, contacts: bool
) -> tuple[View, Mapping[str, str]]:
    """The scorecard with these options, and its filters. Raises BadParameter."""
    if month is not None and not MONTH.fullmatch(month):
        raise typer.BadParameter(f"{month!r} is not a month; give one as 2026-03", param_hint="--month")
    if by is not None and rep is not None:
        raise typer.BadParameter("totals have no rep: leave out --rep or --by", param_hint="--rep")
    view = scorecard_view(by, contacts=contacts)
    return view, (only_of(view, rep) or {}) | ({"month": month} if month is not None else {})


def show_answer(view: View, asked: Asked, answer: Answer, form: Format, choice: ColumnChoice, *, empty: str) -> None:
    """Print the rows, and how many there are by which clocks; `empty` is said if there are none."""
    show_rows(
        answer.columns,
        answer.rows,
        form,
        title=view.description,
        empty=empty,
        importance=VIEW_COLUMNS.get(view.relation, ()),
        choice=choice,
    )
    known = f", as known at {readable_instant(asked.known_at)}" if asked.known_at else ""
    shown = f"{len(answer.rows)} of {answer.total}" if len(answer.rows) != answer.total else str(len(answer.rows))
    number = f"{shown} row" if shown == "1" else f"{shown} rows"
    show_note(form, f"{number} as of {readable_instant(answer.instant)}{known}; reflects position {answer.position}")
