"""Command that tells what reads differently now than it was known: restated."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from domain.counted import counted
from domain.nearest import did_you_mean
from infra.app.known_names import expect_rep
from infra.app.reactor_lag import reactors_of_view
from infra.app.restated import Restated, RestatedRow
from infra.app.restated import restated as find_restated
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import AsOfOption, FormatOption, RepOption, only_of, open_waybill, read_instant
from infra.cli.output import AsRecords, Format, progress_bar, readable_instant, show_note, show_rows
from infra.queries.exported import DEAD_LETTERS
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View, view_named

CHANGED = ("change", "column", "was", "is")
RECORDED = ("recorded_at", "source", "id", "type")
MESSAGES_SHOWN = 50
"""How many messages a table shows; JSON and CSV have them all."""

KnownAtOption = Annotated[
    datetime,
    typer.Option("--known-at", parser=read_instant, metavar="A", help="Compare with what the service knew at A."),
]
ThenOption = Annotated[
    datetime | None,
    typer.Option("--then", parser=read_instant, metavar="B", help="What it knew at B, instead of what it knows now."),
]


def add_commands(app: typer.Typer) -> None:
    app.command()(restated)


def restated(
    view: Annotated[
        str,
        typer.Argument(
            metavar="VIEW", help="A view, such as overdue, or order_states.", autocompletion=completion.views
        ),
    ],
    known_at: KnownAtOption,
    then: ThenOption = None,
    as_of: AsOfOption = None,
    rep: RepOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Which rows of a view read differently now than was known at A, column by column, and since which messages."""
    asked = _view(view)
    only_of(asked, rep)
    if then is not None and then <= known_at:
        raise typer.BadParameter(f"must be after --known-at {readable_instant(known_at)}", param_hint="--then")
    with open_waybill() as waybill, progress_bar() as progress:
        task = progress.add_task("comparing what was known", total=None)
        found = find_restated(
            waybill, asked, known_at, then, as_of, rep, on_row=lambda: progress.update(task, advance=1)
        )
        if rep is not None and not found.rows:
            expect_rep(waybill, rep)
        reactors = reactors_of_view(asked.relation) if then is None else ()
        store = answer_footer(waybill, tells_views=False, reactors=reactors)
    if form is Format.TABLE:
        title = f"{asked.relation}: what reads differently"
        lines = [line for one in found.rows for line in _lines(asked, one)]
        show_rows((*asked.key, *CHANGED), lines, form, title=title, empty="nothing", records=AsRecords.IF_NOT_WHOLE)
        _show_messages(found)
    else:
        rows = [row for one in found.rows for row in _objects(asked, one)]
        show_rows((*asked.key, *CHANGED, "messages"), rows, form)
    show_note(form, _summary(found, known_at, then))
    if (nameless := _without_message(found)) is not None:
        show_note(form, nameless)
    if then is None and found.position < found.head:
        show_note(form, f"the view is behind the newest event, {found.head}: waybill project --once, then ask again")
    show_note(form, store.line)


def _view(name: str) -> View:
    named = name.replace("-", "_")
    if named == DEAD_LETTERS:
        raise typer.BadParameter(
            "a dead letter is known from the instant at which it was recorded, so nothing of it is restated: "
            "compare waybill dead-letters list --known-at A with the list of now",
            param_hint="VIEW",
        )
    if named == ALL_ORDER_STATES.relation:
        return ALL_ORDER_STATES
    try:
        return view_named(name)
    except KeyError:
        known = [*(view.relation for view in VIEWS), ALL_ORDER_STATES.relation]
        nearest = did_you_mean(name, [*(view.command for view in VIEWS), *known])
        raise typer.BadParameter(f"{name} is not one of {', '.join(known)}{nearest}", param_hint="VIEW") from None


def _objects(view: View, one: RestatedRow) -> Iterator[Mapping[str, Any]]:
    """An object for each changed column; one with whole rows if a row appeared or vanished."""
    row = dict(zip(view.key, one.change.key, strict=True)) | {"change": one.kind}
    messages = [message._asdict() for message in one.messages]
    if one.kind == "changed":
        for column in one.change.columns:
            yield {**row, "column": column.column, "was": column.before, "is": column.after, "messages": messages}
        return
    was = {column.column: column.before for column in one.change.columns} if one.kind == "vanished" else None
    now = {column.column: column.after for column in one.change.columns} if one.kind == "appeared" else None
    yield {**row, "column": None, "was": was, "is": now, "messages": messages}


def _lines(view: View, one: RestatedRow) -> Iterator[Mapping[str, Any]]:
    row = dict(zip(view.key, one.change.key, strict=True)) | {"change": one.kind}
    if one.kind != "changed":
        yield {**row, "column": "", "was": "", "is": ""}
    for column in one.change.columns if one.kind == "changed" else ():
        # Null is shown, since an empty cell would look like nothing said.
        was, now = ("–" if value is None else value for value in (column.before, column.after))
        yield {**row, "column": column.column, "was": was, "is": now}


def _show_messages(found: Restated) -> None:
    subject = found.view.key[0]
    by_subject: dict[Any, Sequence[Any]] = {one.change.key[0]: one.messages for one in found.rows}
    messages = [{subject: name, **message._asdict()} for name, recorded in by_subject.items() for message in recorded]
    if messages:
        title = "\nRecorded meanwhile about the same"
        left_out = len(messages) - MESSAGES_SHOWN
        footer = f"and {left_out} more; --format json has them all" if left_out > 0 else ""
        show_rows((subject, *RECORDED), messages[:MESSAGES_SHOWN], Format.TABLE, title=title, footer=footer)


def _without_message(found: Restated) -> str | None:
    """A sentence about the rows of which no message can be named although the view is one of single subjects."""
    number = sum(not one.messages for one in found.rows)
    if not number or not found.names_messages:
        return None
    reads, its = ("rows names", "its") if number == 1 else ("rows name", "their")
    return (
        f"{number:,} of these {reads} no message: nothing about {its} own subject was recorded meanwhile. What was "
        "known at A counts what follows from parcels' scans and standing orders, the views of now only once it is "
        "stated; or another subject's message changed them"
    )


def _summary(found: Restated, known_at: datetime, then: datetime | None) -> str:
    tally = found.tally
    later = "now" if then is None else f"as known at {readable_instant(then)}"
    counts = f"{tally.added} appeared, {tally.gone} vanished, {tally.changed} changed"
    columns = ", ".join(f"{name} {count}" for name, count in tally.columns.items())
    number = f"{counted(len(found.rows), 'row')} {'reads' if len(found.rows) == 1 else 'read'}"
    about = "" if found.names_messages or not found.rows else "; for the messages, compare orders"
    return (
        f"{number} differently {later} than known at {readable_instant(known_at)}: {counts}"
        f"{f' ({columns})' if columns else ''}; as of {readable_instant(found.instant)}; "
        f"reflects position {found.position}{about}"
    )
