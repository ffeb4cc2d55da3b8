"""Command about one message: message."""

from typing import Annotated

import typer

from infra.app.container import Waybill
from infra.app.message import reports_of
from infra.app.nearest import nearest_id, unknown_source
from infra.cli import FAILED, completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.output import (
    Format,
    dead_letters_command,
    readable_instant,
    show_error,
    show_json,
    show_note,
    show_record,
    show_rows,
)
from infra.queries.malformed_claims import MalformedReport
from infra.queries.messages import MessageReport

SourceArgument = Annotated[str, typer.Argument(help="The message's source.", autocompletion=completion.sources)]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]


def add_commands(app: typer.Typer) -> None:
    app.command()(message)


def message(source: SourceArgument, message_id: IdArgument, form: FormatOption = Format.TABLE) -> None:
    """Show a message's verdict and reason, when it took effect, and what it changed.

    A malformed message is found by the source and id that it claims.
    """
    with open_waybill() as waybill:
        found = reports_of(waybill, source, message_id)
        hint = "" if found else where_else(waybill, source, message_id)
        footer = answer_footer(waybill)
    if not found:
        show_error(f"message not found{hint}")
        show_note(Format.JSON, footer.line)
        raise typer.Exit(FAILED)
    if form is Format.TABLE:
        for report in found:
            malformed = "Malformed message" if isinstance(report, MalformedReport) else "Message"
            show_record(f"{malformed} {message_id} of {source}", _fields_of(report))
    elif form is Format.JSON:
        show_json([report._asdict() for report in found])
    else:
        columns = dict.fromkeys(name for report in found for name in report._fields)
        rows = [dict.fromkeys(columns) | report._asdict() for report in found]
        show_rows([*columns], rows, form)
    show_note(form, footer.line)


def _fields_of(report: MessageReport | MalformedReport) -> dict[str, object]:
    fields = report._asdict()
    if isinstance(report, MalformedReport) and report.superseded_by is not None:
        by = report.superseded_by
        fields["superseded_by"] = (
            f"{by.id} of {by.source} about {by.subject}, recorded at {readable_instant(by.recorded_at)}"
        )
    return fields


def where_else(waybill: Waybill, source: str, message_id: str) -> str:
    """A hint where a message that is not known may be."""
    unknown = unknown_source(source, waybill.messages)
    if unknown is not None and unknown.endswith("?"):
        return f": {unknown}"
    if near := nearest_id(source, message_id, waybill.messages, waybill.malformed_claims):
        return near
    malformed = waybill.dead_letters.malformed()
    if not malformed.dead:
        return ""
    return f"; it may be among those of which no id could be read: {dead_letters_command(malformed)}"
