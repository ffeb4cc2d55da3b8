"""Commands about messages that were not taken: dead-letters."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from infra.app.dead_letters import find_dead_letters, whole_dead_letter
from infra.cli.arguments import (
    FormatOption,
    LimitOption,
    ReasonOption,
    SourceOption,
    SubjectOption,
    TypeOption,
    open_waybill,
    read_instant,
)
from infra.cli.output import Format, console, show_json, show_record, show_rows
from infra.queries.dead_letters import DeadLetterFilter, UntakenMessage

dead_letters = typer.Typer(invoke_without_command=True)

SeenByOption = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=read_instant, metavar="T", help="Only those seen by T, with the verdicts of today."),
]
SeenByKnownOption = Annotated[
    datetime | None, typer.Option("--known-at", parser=read_instant, metavar="K", help="The same as --as-of.")
]
EverythingOption = Annotated[bool, typer.Option("--all", help="Also those set aside: voided or discarded.")]


def add_commands(app: typer.Typer) -> None:
    app.add_typer(dead_letters, name="dead-letters")
    app.add_typer(dead_letters, name="dead_letters", hidden=True)


@dead_letters.callback(help="Messages that were not taken, kept whole.")
@dead_letters.command("list")
def list_dead_letters(
    context: typer.Context,
    as_of: SeenByOption = None,
    known_at: SeenByKnownOption = None,
    subject: SubjectOption = None,
    source: SourceOption = None,
    type_: TypeOption = None,
    reason: ReasonOption = None,
    everything: EverythingOption = False,
    limit: LimitOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """The malformed, the refused, and those held too long; the oldest first."""
    if context.invoked_subcommand is not None:
        return
    wanted = DeadLetterFilter(subject, source, type_, reason)
    with open_waybill() as waybill:
        now, kept = waybill.clock(), waybill.dead_letters
        letters = kept.dead(now, as_of, known_at, discarded=everything, wanted=wanted)
        left_out = 0 if everything else kept.set_aside(now, as_of, known_at, wanted=wanted)
    rows = [letter._asdict() for letter in letters[:limit]]
    show_rows(
        UntakenMessage._fields,
        rows,
        form,
        title="Dead letters",
        footer="\n".join(_footer(letters, len(rows), left_out, wanted)),
        empty="none",
    )


def _footer(letters: Sequence[UntakenMessage], shown: int, left_out: int, wanted: DeadLetterFilter) -> list[str]:
    lines = []
    if letters:
        count = f"{shown} of {len(letters)}" if shown < len(letters) else str(shown)
        lines.append(
            f"{count} dead letter{'' if count == '1' else 's'}; one of them whole: waybill dead-letters show LETTER_ID"
        )
    if left_out:
        lines.append(f"{left_out} more are set aside (voided or discarded): {_all_of(wanted)}")
    return lines


def _all_of(wanted: DeadLetterFilter) -> str:
    filters = [f"--{name} {shlex.quote(value)}" for name, value in wanted._asdict().items() if value is not None]
    return " ".join(["waybill dead-letters list", *filters, "--all"])


@dead_letters.command("show")
def show_dead_letter(
    letter_id: Annotated[str, typer.Argument(help="As listed; its beginning is enough.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """One dead letter, whole, as it was received."""
    with open_waybill() as waybill:
        found = find_dead_letters(waybill, letter_id)
        if len(found) != 1:
            raise typer.BadParameter(
                f"{len(found) or 'no'} dead letters begin with {letter_id}", param_hint="LETTER_ID"
            )
        letter = whole_dead_letter(waybill, found[0])
    fields: dict[str, Any] = {
        **letter.message._asdict(),
        "time": letter.time,
        "body": letter.body,
        "headers": letter.headers,
    }
    if letter.body_hex is not None:
        fields["body_hex"] = letter.body_hex
    if form is Format.JSON:
        show_json(fields)
    elif form is Format.CSV:
        show_rows(list(fields), [fields], form)
    else:
        del fields["body"]
        show_record(f"Dead letter {letter.message.letter_id}", fields)
        console().print()
        console().print(letter.body, soft_wrap=True, markup=False)
