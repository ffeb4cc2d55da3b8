"""Command that tells whether it is getting worse: trend."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from domain.counted import counted
from infra.app.reactor_lag import REASONS
from infra.app.store_standing import first_order_after
from infra.cli.answer_footer import answer_footer, before_first_order
from infra.cli.arguments import FormatOption, KnownAtOption, open_waybill, read_age, read_instant
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.consoles import console, room_of_answers
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.cli.tables.cells import LATE, RISK
from infra.cli.tables.layout import Room
from infra.cli.trend_chart import Series, column_chart, signs_of, spark_lines
from infra.queries.trend import Trend, WrongTrendError, instants_between, trend
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
    timedelta,
    typer.Option(
        "--every", parser=read_age, metavar="SPAN", show_default="1d", help="How far apart, such as 6h, 1d or 1w."
    ),
]
ByOption = Annotated[TrendBy | None, typer.Option("--by", help="Count each of these separately.")]


ChartOption = Annotated[
    bool | None,
    typer.Option(
        "--chart/--no-chart", help="Draw a chart, or print the numbers.", show_default="a chart on a terminal"
    ),
]
COLOURS = {Counted.OVERDUE: LATE, Counted.LATE: LATE, Counted.AT_RISK: RISK}
CHART_WITHOUT_TERMINAL = Room(80, 24)
MOST_CHART_LINES, OTHER_LINES = 10, 9
"""How high a column chart is at most, and how many lines of the screen its title, axis, notes and the prompt take."""


def add_commands(app: typer.Typer) -> None:
    app.command(name="trend")(show_trend)


def show_trend(
    which: Annotated[
        Counted, typer.Argument(metavar="VIEW", help="Which orders to count: overdue, at-risk, late or open.")
    ],
    since: SinceOption,
    until: UntilOption = None,
    every: EveryOption = timedelta(days=1),
    by: ByOption = None,
    known_at: KnownAtOption = None,
    chart: ChartOption = None,
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
        found = trend(waybill.views, which, instants, by, known_at)
        choice = read_choice(columns, wide, found.columns)
        known = f", as known at {readable_instant(known_at)}" if known_at else ""
        footer = answer_footer(waybill, found.position, reactors=() if known_at else tuple(REASONS))
        note = f"{counted(instants.number, 'instant')}{known}; reflects position {found.position}"
        if found.rows and _draws(chart, form, chosen=wide or columns is not None):
            _show_chart(which, found, list(instants), by)
            note += "; --no-chart: the numbers"
        else:
            show_rows(
                found.columns,
                found.rows,
                form,
                title=DESCRIPTIONS[which],
                empty=footer.empty("none at any of these instants"),
                choice=choice,
            )
        show_note(form, note)
        if not known_at and (first := first_order_after(waybill, instants.last)) is not None:
            show_note(form, before_first_order(first))
        show_note(form, footer.line)


def _draws(chart: bool | None, form: Format, *, chosen: bool) -> bool:
    """Whether to draw: by default on a terminal, where people look, unless columns of the table were chosen."""
    if chart and form is not Format.TABLE:
        raise typer.BadParameter("a chart is for people: leave out --format, or --chart", param_hint="--chart")
    return form is Format.TABLE and (sys.stdout.isatty() and not chosen if chart is None else chart)


def _show_chart(which: Counted, found: Trend, instants: Sequence[datetime], by: TrendBy | None) -> None:
    room = room_of_answers() or CHART_WITHOUT_TERMINAL
    signs = signs_of(sys.stdout.encoding)
    lines_left = max(room.height - OTHER_LINES, 3)
    counts: dict[str | None, list[int]] = {}
    for row in found.rows:
        counts.setdefault(None if by is None else row[by.column], []).append(row["orders"])
    if by is None:
        lines = column_chart(counts[None], instants, room.width, min(lines_left, MOST_CHART_LINES), signs)
    else:
        series = [Series(key, of_key) for key, of_key in counts.items()]
        lines = spark_lines(series, instants, room.width, lines_left, signs)
    out = console()
    out.print(f"[bold]{escape(DESCRIPTIONS[which])}[/bold]", soft_wrap=True)
    for line in lines:
        out.print(Text.assemble(line.before, (line.drawn, COLOURS.get(which, "")), line.after), soft_wrap=True)
