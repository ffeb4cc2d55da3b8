"""Commands that read messages that were not taken: dead-letters list, show, export."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from domain.counted import counted
from infra.app.dead_letters.choose import CannotChooseError, letters_named
from infra.app.dead_letters.export import export_letters
from infra.app.dead_letters.show import LetterGoneError, ShownLetter, header_document, show_letter
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import (
    FormatOption,
    LimitOption,
    open_waybill,
    read_instant,
)
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.letter_filters import (
    ByOption,
    Chosen,
    MatchingOrReasonOption,
    as_options,
    beginning,
    columns_of_groups,
    expect_known_names,
    read_by,
    show_groups,
    with_letter_filter,
)
from infra.cli.output import Format, console, progress_bar, show_error, show_json, show_note, show_record, show_rows
from infra.cli.tables.importance import TIMELINE, UNTAKEN_MESSAGES
from infra.marked_json import marked_lines
from infra.printable import printable
from infra.queries.dead_letters import DeadLetterFilter, UntakenMessage
from infra.queries.letter_contents import Content
from infra.serialization import json_text, text_and_base64
from projections.order_timeline import TimelineEntry

SHOWN_IN_A_TABLE = 50
"""Unless --limit says otherwise."""

dead_letters = typer.Typer(invoke_without_command=True)

SeenByOption = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=read_instant, metavar="T", help="Only those seen by T, with the verdicts of today."),
]
SeenByKnownOption = Annotated[
    datetime | None, typer.Option("--known-at", parser=read_instant, metavar="K", help="The same as --as-of.")
]
EverythingOption = Annotated[bool, typer.Option("--all", help="Also those set aside: voided, discarded or superseded.")]
LetterArgument = Annotated[str, typer.Argument(help="As listed; its beginning is enough.")]


@dead_letters.callback(help="Messages that were not taken, kept whole.")
@dead_letters.command("list")
@with_letter_filter(matching=MatchingOrReasonOption)
def list_dead_letters(
    *,
    context: typer.Context,
    as_of: SeenByOption = None,
    known_at: SeenByKnownOption = None,
    chosen: Chosen,
    by: ByOption = None,
    everything: EverythingOption = False,
    limit: LimitOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """The malformed, the refused, and those held too long; the oldest first."""
    if context.invoked_subcommand is not None:
        return
    fields = None if by is None else read_by(by)
    choice = read_choice(columns, wide, UntakenMessage._fields if fields is None else columns_of_groups(fields))
    with open_waybill() as waybill:
        now, kept = waybill.clock(), waybill.dead_letters
        wanted = chosen(now)
        letters = kept.dead(now, as_of, known_at, discarded=everything, wanted=wanted)
        expect_known_names(waybill, wanted, letters)
        store = answer_footer(waybill)
        left_out = 0 if everything else kept.set_aside(now, as_of, known_at, wanted=wanted)
    if fields is not None:
        show_groups(letters, fields, form, limit, "Dead letters", choice, empty=store.empty())
        if left_out and form is Format.TABLE:
            show_note(form, _left_out(left_out, wanted))
        show_note(form, store.line)
        return
    if limit is None and form is Format.TABLE:
        limit = SHOWN_IN_A_TABLE
    rows = [letter._asdict() for letter in letters[:limit]]
    if form is Format.TABLE:
        rows = [{**row, "letter_id": beginning(row["letter_id"])} for row in rows]
    show_rows(
        UntakenMessage._fields,
        rows,
        form,
        title="Dead letters",
        footer="\n".join(_footer(letters, len(rows), left_out, wanted)),
        empty=store.empty(),
        importance=UNTAKEN_MESSAGES,
        choice=choice,
    )
    show_note(form, store.line)


def _footer(letters: Sequence[UntakenMessage], shown: int, left_out: int, wanted: DeadLetterFilter) -> list[str]:
    lines = []
    if letters:
        if shown < len(letters):
            lines.append(f"{shown:,} of {len(letters):,}; --limit N for more, --by source,type,reason to group them")
        count = f"{len(letters):,}"
        lines.append(
            f"{count} dead letter{'' if count == '1' else 's'}; one of them whole: waybill dead-letters show LETTER_ID"
        )
    if left_out:
        lines.append(_left_out(left_out, wanted))
    return lines


def _left_out(count: int, wanted: DeadLetterFilter) -> str:
    command = " ".join(["waybill dead-letters list", *as_options(wanted), "--all"])
    return f"{count} more are set aside (voided, discarded or superseded): {command}"


@dead_letters.command("show")
def show_dead_letter(letter_id: LetterArgument, form: FormatOption = Format.TABLE) -> None:
    """One message that was not taken: what was received, what is wrong, its order then, and its verdict now."""
    with open_waybill() as waybill:
        try:
            (letter,) = letters_named(waybill, [letter_id])
            shown = show_letter(waybill, letter)
        except (CannotChooseError, LetterGoneError) as e:
            if not letter_id:
                raise typer.BadParameter(str(e), param_hint="LETTER_ID") from None
            show_error(str(e))
            raise typer.Exit(1) from None
        store = answer_footer(waybill)
    fields = shown.fields()
    if form is Format.JSON:
        show_json(fields)
    elif form is Format.CSV:
        show_rows(list(fields), [fields], form)
    else:
        _show(shown)
    show_note(form, store.line)


def _show(shown: ShownLetter) -> None:
    letter, out = shown.message, console()
    now = shown.judged_now
    set_aside = shown.set_aside
    by = f" by {set_aside.operator}: {set_aside.reason}" if set_aside and set_aside.operator else ""
    show_record(
        f"Dead letter {letter.letter_id}",
        {
            **letter._asdict(),
            "time": shown.time,
            "set_aside": None if set_aside is None else f"{set_aside.how}{by}",
            "judged_now": now.verdict.value + (f": {now.reason}" if now.reason else ""),
        },
    )
    _show_headers(shown.content)
    out.print()
    if shown.content.restated:
        out.print("[dim]written again from its event; the message was applied when it came[/dim]")
    if shown.document is None:
        out.print(text_and_base64(shown.content.body)[0], soft_wrap=True, markup=False)
    else:
        _show_document(shown)
    if shown.order is not None and shown.order.timeline:
        out.print()
        _show_timeline(letter, shown.order.timeline)


def _show_headers(content: Content) -> None:
    rows = [header_document(name, value) for name, value in content.headers]
    if rows:
        console().print()
        show_rows(["name", "value"], rows, Format.TABLE, title="Headers")


def _show_document(shown: ShownLetter) -> None:
    out = console()
    if not shown.faults:
        body = text_and_base64(shown.content.body)[0]
        out.print(body if not shown.content.headers else json_text(shown.document), soft_wrap=True, markup=False)
        return
    for text, mark in marked_lines(shown.document, shown.faults):
        marked = f"  [red]← {escape(mark)}[/red]" if mark else ""
        out.print(escape(printable(text)) + marked, soft_wrap=True)


def _show_timeline(letter: UntakenMessage, timeline: Sequence[TimelineEntry]) -> None:
    columns = ("occurred_at", "recorded_at", "event", "verdict", "what_changed", "source", "message_id")
    rows: list[Mapping[str, Any]] = [entry._asdict() for entry in timeline]
    show_rows(
        columns,
        rows,
        Format.TABLE,
        title=f"Order {letter.subject} at that moment, as it was known then",
        importance=TIMELINE,
    )


@dead_letters.command("export")
@with_letter_filter(matching=MatchingOrReasonOption)
def export_dead_letters(
    *,
    to: Annotated[Path, typer.Option("--to", help="The file to write: JSON Lines.")],
    chosen: Chosen,
    everything: EverythingOption = False,
) -> None:
    """Write dead letters with all of their bytes to a file, one a line; bytes that are not UTF-8 are base64."""
    if not to.resolve().parent.is_dir() or to.is_dir():
        raise typer.BadParameter(f"{to} is no file that can be written", param_hint="--to")
    with open_waybill() as waybill, progress_bar() as progress:
        now = waybill.clock()
        wanted = chosen(now)
        letters = waybill.dead_letters.dead(now, discarded=everything, wanted=wanted)
        expect_known_names(waybill, wanted, letters)
        task = progress.add_task(str(to), total=len(letters))
        written = export_letters(waybill, letters, to, lambda: progress.update(task, advance=1))
        store = answer_footer(waybill)
    console().print(f"{counted(written, 'dead letter')} in {escape(str(to))}")
    show_note(Format.TABLE, store.line)
