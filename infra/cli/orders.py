"""Command about one order: order."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from domain.order.summary import OrderSummary
from infra.cli.arguments import AsOfOption, FormatOption, KnownAtOption, open_waybill
from infra.cli.output import Format, console, errors, show_json, show_note, show_record, show_rows
from projections.order_timeline import TimelineEntry


def add_commands(app: typer.Typer) -> None:
    app.command()(order)
    for name in ("order_timeline", "order-timeline"):
        app.command(name=name, hidden=True)(order)


def order(
    order_id: Annotated[str, typer.Argument(help="The order, such as SO-10248.")],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show one order: its state, and its timeline in the order in which events count."""
    with open_waybill() as waybill:
        answer = waybill.orders.order(order_id, as_of, known_at)
    if answer is None:
        errors().print(f"nothing is known of order {escape(order_id)}")
        raise typer.Exit(1)
    timeline = [entry._asdict() for entry in answer.timeline]
    if form is Format.JSON:
        show_json({"order": answer.summary, "timeline": timeline})
    else:
        if form is Format.TABLE:
            _show_state(order_id, answer.summary)
        show_rows(TimelineEntry._fields, timeline, form, title="Timeline")
    show_note(form, f"reflects position {answer.position}")


def _show_state(order_id: str, state: OrderSummary | None) -> None:
    if state is None:
        console().print(f"[bold]Order {escape(order_id)}[/bold] is not placed yet")
        return
    show_record(f"Order {order_id}", msgspec.structs.asdict(state))
    console().print()
