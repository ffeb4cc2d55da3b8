"""Command about one message: message."""

from typing import Annotated

import typer

from infra.app.container import Waybill
from infra.app.nearest import unknown_source
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.output import Format, dead_letters_command, errors, show_record, show_rows
from infra.queries.messages import MessageReport

SourceArgument = Annotated[str, typer.Argument(help="The message's source.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]


def add_commands(app: typer.Typer) -> None:
    app.command()(message)


def message(source: SourceArgument, message_id: IdArgument, form: FormatOption = Format.TABLE) -> None:
    """Show a message's verdict and reason, when it took effect, and what it changed."""
    with open_waybill() as waybill:
        found = waybill.messages.find(source, message_id)
        hint = "" if found else where_else(waybill, source, message_id)
    if form is Format.TABLE:
        for report in found:
            show_record(f"Message {message_id} of {source}", report._asdict())
    else:
        columns = MessageReport._fields if found else ("source", "id")
        show_rows(columns, [report._asdict() for report in found], form)
    if not found:
        errors().print(f"message not found{hint}")
        raise typer.Exit(1)


def where_else(waybill: Waybill, source: str, message_id: str) -> str:
    """A hint where a message that is not known may be."""
    claiming = waybill.dead_letters.claiming(source, message_id)
    if claiming:
        return f"; a malformed message claims this source and id: waybill dead-letters show {claiming[-1]}"
    unknown = unknown_source(source, waybill.messages)
    if unknown is not None and unknown.endswith("?"):
        return f": {unknown}"
    malformed = waybill.dead_letters.malformed()
    if not malformed.dead:
        return ""
    return f"; it may be among those of which no id could be read: {dead_letters_command(malformed)}"
