"""Command that tells whether it is getting worse: trend."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from infra.cli.arguments import FormatOption, KnownAtOption, open_waybill, read_age, read_instant
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.queries.trend import WrongTrendError, instants_between, trend
from projections.views.trend import Counted, TrendBy

DESCRIPTIONS = {
    Counted.OVERDUE: "Open orders past their promise, at each instant.",
    Counted.AT_RISK: "Open orders that were on time and might have become late, at each instant.",
    Counted.LATE: "Orders completed after their promise, by each instant.",
    Counted.OPEN: "Open orders, at each instant.",
}

SinceOption = Annotated[datetime, typer.Option("--since", parser=read_instant, metavar="T", help="The first instant.")]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", parser=read_instant, metavar="T", help="The last (default: now).")
]
EveryOption = Annotated[
    timedelta, typer.Option("--every", parser=read_age, metavar="SPAN", help="How far apart, such as 6h, 1d or 1w.")
]
ByOption = Annotated[TrendBy | None, typer.Option("--by", help="Count for each of these apart.")]


def add_commands(app: typer.Typer) -> None:
    app.command(name="trend")(show_trend)


def show_trend(
    counted: Annotated[Counted, typer.Argument(metavar="overdue|at-risk|late|open", help="Which orders to count.")],
    since: SinceOption,
    until: UntilOption = None,
    every: EveryOption = timedelta(days=1),
    by: ByOption = None,
    known_at: KnownAtOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Is it getting worse? How many orders were overdue, at risk, late or open at each of many instants.

    A day is 24 hours.
    """
    with open_waybill() as waybill:
        try:
            instants = instants_between(since, until or waybill.clock(), every)
        except WrongTrendError as e:
            raise typer.BadParameter(str(e), param_hint=f"--{e.field}") from None
        found = trend(waybill.views, counted, instants, by, known_at)
        choice = read_choice(columns, wide, found.columns)
        show_rows(found.columns, found.rows, form, title=DESCRIPTIONS[counted], empty="none", choice=choice)
        known = f", as known at {readable_instant(known_at)}" if known_at else ""
        show_note(form, f"{instants.number} instants{known}; reflects position {found.position}")
