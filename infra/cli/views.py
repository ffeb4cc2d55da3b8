"""Commands that ask: the views, one order, one message."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from infra.cli.arguments import (
    AsOfOption,
    FormatOption,
    KnownAtOption,
    LimitOption,
    MinPositionOption,
    RepOption,
    WaitOption,
    asked,
    open_waybill,
)
from infra.cli.output import Format, console, errors, moment, printable, say_aside, show_json, show_rows
from projections.order_timeline import TimelineEntry
from projections.views.catalogue import VIEWS, View


def add_commands(app: typer.Typer) -> None:
    for view in VIEWS:
        app.command(name=view.command, help=view.description)(_asks(view))
        for name in {view.relation, view.relation.replace("_", "-")} - {view.command}:
            app.command(name=name, hidden=True, help=view.description)(_asks(view))
    app.command()(order)
    for name in ("order_timeline", "order-timeline"):
        app.command(name=name, hidden=True)(order)
    app.command()(message)


def _asks(view: View) -> Callable[..., None]:
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
            only = None if rep is None else {"rep_id": rep}
            answer = waybill.views.ask(view, asked(as_of, known_at), only, limit, counted=True)
            rows = answer.rows
            known = f", as known at {moment(known_at)}" if known_at else ""
            shown = f"{len(rows)} of {answer.total}" if len(rows) != answer.total else str(len(rows))
            show_rows(answer.columns, rows, form, title=view.description, empty="none")
            say_aside(form, f"{shown} rows as of {moment(answer.instant)}{known}; reflects position {answer.position}")

    return ask


def order(
    order_id: Annotated[str, typer.Argument(help="The order, such as SO-10248.")],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """One order: how it stands, and everything that happened to it in the order in which it counts."""
    with open_waybill() as waybill:
        head = waybill.history.head()  # asked first: what the answer reflects is this much at least
        told = waybill.messages.order(order_id, as_of, known_at)
        if told is None:
            errors().print(f"nothing is known of order {escape(printable(order_id))}")
            raise typer.Exit(1)
        state = None if told.summary is None else msgspec.structs.asdict(told.summary)
        if state is not None:
            state["follow_ups"] = [msgspec.structs.asdict(owed) for owed in state["follow_ups"]]
        timeline = [entry._asdict() for entry in told.timeline]
        if form is Format.JSON:
            show_json({"order": state, "timeline": timeline})
        else:
            if form is Format.TABLE:
                _show_state(order_id, state)
            show_rows(list(TimelineEntry._fields), timeline, form, title="Timeline")
        say_aside(form, f"reflects position {head}")


def _show_state(order_id: str, state: dict[str, Any] | None) -> None:
    if state is None:
        console().print(f"[bold]Order {escape(order_id)}[/bold] is not placed yet")
        return
    said = [{"field": name, "value": value} for name, value in state.items() if value not in (None, [], "")]
    show_rows(["field", "value"], said, Format.TABLE, title=f"Order {order_id}")
    console().print()


def message(
    source: Annotated[str, typer.Argument(help="The message's source.")],
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """What became of a message: its verdict and why, when it took effect, what it changed."""
    with open_waybill() as waybill:
        found = waybill.messages.find(source, message_id)
        if form is Format.TABLE:
            for told in found:
                said = [{"field": name, "value": value} for name, value in told.items() if value not in (None, "", [])]
                show_rows(["field", "value"], said, form, title=f"Message {message_id} of {source}")
        else:
            show_rows(list(found[0]) if found else ["source", "id"], found, form)
        if not found:
            errors().print(
                "no such message is known; one that did not fit the contract has no id, and stands in: "
                "waybill dead-letters list"
            )
            raise typer.Exit(1)
