"""Commands for what was not taken: dead letters, and messages that wait."""

from typing import Annotated, Any

import typer

from consumers.ingest.register import MessageKey
from consumers.relay.dead_letter_copies import restated
from infra.app.container import Waybill
from infra.cli.arguments import AsOfOption, FormatOption, KnownAtOption, LimitOption, open_waybill
from infra.cli.output import Format, console, printable, show_json, show_rows
from infra.outbox.message_content import FactsOfMessages
from infra.queries.dead_letters import COLUMNS

dead_letters = typer.Typer(invoke_without_command=True, help="Messages that were not taken, kept whole.")
held_messages = typer.Typer(invoke_without_command=True, help="Messages that wait for what they name.")


def add_commands(app: typer.Typer) -> None:
    app.add_typer(dead_letters, name="dead-letters")
    app.add_typer(dead_letters, name="dead_letters", hidden=True)
    app.add_typer(held_messages, name="held")


EverythingOption = Annotated[bool, typer.Option("--all", help="Those set aside too: discarded or voided.")]


@dead_letters.callback()
def dead_letters_alone(
    context: typer.Context,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    everything: EverythingOption = False,
    limit: LimitOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Messages that were not taken, kept whole; without a subcommand: the list."""
    if context.invoked_subcommand is None:
        list_dead_letters(as_of, known_at, everything, limit, form)


@held_messages.callback()
def held_alone(context: typer.Context, limit: LimitOption = None, form: FormatOption = Format.TABLE) -> None:
    """Messages that wait for what they name; without a subcommand: the list."""
    if context.invoked_subcommand is None:
        list_held(limit, form)


@dead_letters.command("list")
def list_dead_letters(
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    everything: EverythingOption = False,
    limit: LimitOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """The malformed, the refused, and those held too long; the oldest first."""
    with open_waybill() as waybill:
        rows = waybill.dead_letters.dead(waybill.clock(), as_of, known_at, discarded=everything)
        show_rows(
            COLUMNS,
            rows[:limit],
            form,
            title="Dead letters",
            footer=f"{len(rows)} dead letters; one of them whole: waybill dead-letters show LETTER_ID",
            empty="none",
        )


@dead_letters.command("show")
def show_dead_letter(
    letter_id: Annotated[str, typer.Argument(help="As listed; its beginning is enough.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """One dead letter, whole, as it was received."""
    with open_waybill() as waybill:
        letters = waybill.dead_letters.dead(waybill.clock(), discarded=True)
        found = [letter for letter in letters if letter["letter_id"].startswith(letter_id)]
        # The whole id is always enough, though that of offset 1 is the beginning of that of offset 10.
        found = [letter for letter in found if letter["letter_id"] == letter_id] or found
        if len(found) != 1:
            raise typer.BadParameter(
                f"{len(found) or 'no'} dead letters begin with {letter_id}", param_hint="LETTER_ID"
            )
        letter = {**found[0], **_content(waybill, found[0])}
        if form is Format.JSON:
            show_json(letter)
        elif form is Format.CSV:
            show_rows(list(letter), [letter], form)
        else:
            content = letter.pop("body")
            said = [{"field": name, "value": value} for name, value in letter.items() if value not in (None, "", "[]")]
            show_rows(["field", "value"], said, form, title=f"Dead letter {letter['letter_id']}")
            console().print()
            console().print(printable(content), soft_wrap=True, markup=False)


def _content(waybill: Waybill, letter: dict[str, Any]) -> dict[str, Any]:
    """The bytes as text; where they are no UTF-8, what is not is shown as \\x escapes, and `body_hex` has them all."""
    received = waybill.dead_letters.body_of(letter)
    if received is None:
        # It was applied when it came in, so its event says all of it.
        return {"body": _from_event(waybill, letter), "headers": "[]"}
    body, headers = received
    content: dict[str, Any] = {"body": body.decode("utf-8", errors="backslashreplace"), "headers": headers}
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        content["body_hex"] = body.hex()
    return content


def _from_event(waybill: Waybill, letter: dict[str, Any]) -> str:
    key = MessageKey(letter["source"], letter["id"], letter["subject"])
    fact = FactsOfMessages(waybill.backend)([key])[key]
    body, _ = restated(fact, key.subject)
    return body.decode()


@held_messages.command("list")
def list_held(limit: LimitOption = None, form: FormatOption = Format.TABLE) -> None:
    """Messages that wait for what they name, the longest waiting first."""
    with open_waybill() as waybill:
        rows = waybill.dead_letters.held(waybill.clock())
        columns = [column for column in COLUMNS if column != "discarded_at"]
        show_rows(columns, rows[:limit], form, title="Held messages", footer=f"{len(rows)} held", empty="none")
