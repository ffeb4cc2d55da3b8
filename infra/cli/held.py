"""Command about held messages: held."""

import typer

from infra.cli.arguments import (
    FormatOption,
    LimitOption,
    ReasonOption,
    SourceOption,
    SubjectOption,
    TypeOption,
    open_waybill,
)
from infra.cli.output import Format, show_rows
from infra.queries.dead_letters import DeadLetterFilter, UntakenMessage

COLUMNS = [name for name in UntakenMessage._fields if name != "discarded_at"]

held_messages = typer.Typer(invoke_without_command=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(held_messages, name="held")


@held_messages.callback(help="Messages that wait for something they name.")
@held_messages.command("list")
def list_held(
    context: typer.Context,
    subject: SubjectOption = None,
    source: SourceOption = None,
    type_: TypeOption = None,
    reason: ReasonOption = None,
    limit: LimitOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List messages that wait for something they name, the longest waiting first."""
    if context.invoked_subcommand is not None:
        return
    with open_waybill() as waybill:
        messages = waybill.dead_letters.held(waybill.clock(), DeadLetterFilter(subject, source, type_, reason))
    rows = [message._asdict() for message in messages[:limit]]
    footer = f"{len(rows)} of {len(messages)} held" if len(rows) < len(messages) else f"{len(rows)} held"
    show_rows(COLUMNS, rows, form, title="Held messages", footer=footer, empty="none")
