"""Commands about held messages: held list, show."""

import typer

from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import (
    FormatOption,
    LimitOption,
    open_waybill,
)
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.dead_letters import show_dead_letter
from infra.cli.letter_filters import (
    ByOption,
    Chosen,
    MatchingOrReasonOption,
    columns_of_groups,
    expect_known_names,
    read_by,
    show_groups,
    with_letter_filter,
)
from infra.cli.output import Format, show_note, show_rows
from infra.cli.tables.importance import UNTAKEN_MESSAGES
from infra.queries.dead_letters import UntakenMessage

COLUMNS = [name for name in UntakenMessage._fields if name != "discarded_at"]

held_messages = typer.Typer(invoke_without_command=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(held_messages, name="held")
    held_messages.command("show")(show_dead_letter)


@held_messages.callback(help="Messages that wait for something they name.")
@held_messages.command("list")
@with_letter_filter(matching=MatchingOrReasonOption, verdicts=False)
def list_held(
    *,
    context: typer.Context,
    chosen: Chosen,
    by: ByOption = None,
    limit: LimitOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List messages that wait for something they name, the longest waiting first."""
    if context.invoked_subcommand is not None:
        return
    fields = None if by is None else read_by(by)
    choice = read_choice(columns, wide, COLUMNS if fields is None else columns_of_groups(fields))
    with open_waybill() as waybill:
        now = waybill.clock()
        wanted = chosen(now)
        messages = waybill.dead_letters.held(now, wanted)
        expect_known_names(waybill, wanted, messages)
        store = answer_footer(waybill)
    if fields is not None:
        show_groups(messages, fields, form, limit, "Held messages", choice, empty=store.empty())
        show_note(form, store.line)
        return
    rows = [message._asdict() for message in messages[:limit]]
    footer = f"{len(rows)} of {len(messages)} held" if len(rows) < len(messages) else f"{len(rows)} held"
    show_rows(
        COLUMNS,
        rows,
        form,
        title="Held messages",
        footer=footer,
        empty=store.empty(),
        importance=UNTAKEN_MESSAGES,
        choice=choice,
    )
    show_note(form, store.line)
