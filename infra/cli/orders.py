"""Command about one order: order."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from infra.app.known_names import unknown_order
from infra.app.reactor_lag import REASONS
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import AsOfOption, FormatOption, KnownAtOption, open_waybill
from infra.cli.column_options import WideOption
from infra.cli.consoles import room_of_answers
from infra.cli.order_screen import order_on_screen
from infra.cli.output import Format, console, show_json, show_lines, show_note, show_record, show_rows
from infra.cli.tables.columns import NO_CHOICE
from infra.queries.orders import OrderAnswer
from infra.queries.untaken_of_order import UntakenOfOrder
from projections.order_details import CustomerTold, Reason
from projections.order_timeline import TimelineEntry

LINES = (
    *("line", "sku", "kind", "quantity", "delivered", "booked", "over_delivered", "returned"),
    *("unit_price", "promised_by"),
)
SHIPMENTS = (
    *("shipment_id", "carrier", "mode", "service_level", "tracking_number", "booked_at", "dispatched_at"),
    *("estimated_delivery", "delivered_at", "signed_by", "attempts", "delay_reason", "cancelled_at", "cancel_reason"),
)
EXPEDITES = ("request_id", "requested_at", "needed_by", "decision", "decided_at", "promised_by", "informed_at")
WIDE = NO_CHOICE._replace(wide=True)
UNTAKEN = ("verdict", "reason", "type", "occurred_at", "recorded_at", "letter_id")


def add_commands(app: typer.Typer) -> None:
    app.command()(order)
    for name in ("order_timeline", "order-timeline"):
        app.command(name=name, hidden=True)(order)


def order(
    order_id: Annotated[str, typer.Argument(help="The order, such as SO-10248.", autocompletion=completion.orders)],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show one order: its state, lines, shipments, what the customer was told, what was not taken, and its timeline."""
    with open_waybill() as waybill:
        answer = waybill.orders.order(order_id, waybill.clock(), as_of, known_at)
        if answer is None:
            raise unknown_order(waybill, order_id)
        footer = answer_footer(waybill, reactors=() if known_at else tuple(REASONS))
    room = room_of_answers() if form is Format.TABLE else None
    if form is Format.JSON:
        show_json(answer.document())
    elif room is not None and not wide:
        show_lines(order_on_screen(order_id, answer, room))
    else:
        if form is Format.TABLE:
            _show(order_id, answer)
        timeline = [entry._asdict() for entry in answer.timeline]
        show_rows(TimelineEntry._fields, timeline, form, title="Timeline", choice=WIDE)
    if room is None or wide:  # an order in short fits one screen: its title says so, and the store's line the position
        show_note(form, f"reflects position {answer.position}")
    show_note(form, footer.line)


def _show(order_id: str, answer: OrderAnswer) -> None:
    state, details = answer.fields(), answer.details
    if state is None:
        console().print(f"[bold]Order {escape(order_id)}[/bold] is not placed yet")
        console().print()
    else:
        show_record(f"Order {order_id}", state)
        console().print()
    _show_part("Lines", LINES, [msgspec.structs.asdict(line) for line in details.lines])
    _show_part("Shipments", SHIPMENTS, [msgspec.structs.asdict(shipment) for shipment in details.shipments])
    _show_part("Expedite requests", EXPEDITES, [msgspec.structs.asdict(expedite) for expedite in details.expedites])
    _show_part("Reasons", Reason._fields, [reason._asdict() for reason in details.reasons])
    _show_part("What the customer was told", CustomerTold._fields, [told._asdict() for told in details.customer_told])
    _show_part("Messages that were not taken", UNTAKEN, [_untaken(message) for message in answer.untaken])


def _untaken(message: UntakenOfOrder) -> dict[str, Any]:
    return {name: getattr(message, name) for name in UNTAKEN}


def _show_part(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        show_rows(columns, rows, Format.TABLE, title=title, choice=WIDE)
        console().print()
