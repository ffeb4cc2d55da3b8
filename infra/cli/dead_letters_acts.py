"""Commands that act on messages that were not taken: dead-letters redrive, edit, discard, restore."""

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from consumers.contract.fields import FieldError, read_assignment
from consumers.contract.writing import instant_text
from domain.counted import counted
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.dead_letters.choose import (
    CannotChooseError,
    dead_letters_matching,
    discarded_matching,
    expect_dead,
    letters_named,
)
from infra.app.dead_letters.discard import SetAsideReport, discard, restore
from infra.app.dead_letters.edit import (
    CannotEditError,
    Edited,
    NeedsReplacementError,
    WrongReplacementError,
    do_edit,
    plan_edit,
    would_edit,
)
from infra.app.dead_letters.redrive import ChangedVerdict, RedriveReport, redrive, would_redrive
from infra.cli.arguments import (
    FormatOption,
    OperatorOption,
    open_waybill,
    read_since,
    why_option,
)
from infra.cli.dead_letters import LetterArgument, dead_letters
from infra.cli.letter_filters import (
    Chosen,
    as_options,
    beginning,
    expect_known_names,
    show_groups,
    with_letter_filter,
)
from infra.cli.message_options import SetOption
from infra.cli.output import Format, progress_bar, show_json, show_note, show_rows, show_warning
from infra.queries.dead_letters import EVERY_LETTER, DeadLetterFilter, UntakenMessage
from infra.store.opening import Access

STANDARD_INPUT = "-"
SHOWN = 20
GROUPS = ("source", "type", "verdict", "reason")

LettersArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[LETTER_ID]...", help="As listed; the beginning of an id is enough.")
]
WhyOption = Annotated[str, why_option("Why; it is kept with the act.")]
IfAskedOption = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why, if you want to record it.")]
DoOption = Annotated[bool, typer.Option("--do", help="Do it. Without this, only show what would be done.")]


def add_commands(app: typer.Typer) -> None:
    """Add `dead-letters` whole: its commands that ask are those of infra.cli.dead_letters."""
    app.add_typer(dead_letters, name="dead-letters")
    app.add_typer(dead_letters, name="dead_letters", hidden=True)


@dead_letters.command("redrive")
@with_letter_filter()
def redrive_letters(
    *,
    operator: OperatorOption,
    letter_ids: LettersArgument = None,
    chosen: Chosen,
    reason: IfAskedOption = "",
    do: DoOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show which verdicts would change; nothing is stored.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Settle their subjects again by today's rules, and read malformed ones again: these, or all that match.

    Letters that are named are redriven. For all that match, or all dead letters if nothing is named or filtered, it
    only shows which verdicts would change, unless --do is given. It can be interrupted and run again.
    """
    if do and dry_run:
        raise typer.BadParameter("give --do or --dry-run, not both")
    dry_run = dry_run or not (do or letter_ids)
    with open_waybill(waits=True, access=Access.ACTING) as waybill, progress_bar() as progress:
        wanted = chosen(waybill.clock())
        letters = _chosen(waybill, letter_ids, wanted)
        if dry_run:
            report = would_redrive(waybill, letters, operator)
        else:
            task = progress.add_task("redriving dead letters", total=len(letters))
            report = redrive(waybill, letters, operator, reason, lambda done: progress.update(task, completed=done))
    _show_redriven(report, dry_run=dry_run, form=form)


def _show_redriven(report: RedriveReport, *, dry_run: bool, form: Format) -> None:
    rows = [one._asdict() for one in report.changed]
    if form is Format.JSON:
        show_json({"letters": report.letters, "dry_run": dry_run, "changed": rows})
        return
    shown = rows if form is Format.CSV else rows[:SHOWN]
    show_rows(ChangedVerdict._fields, shown, form, title="Changed verdicts", empty="no verdict changes")
    letters, verdicts = counted(report.letters, "letter"), counted(len(rows), "verdict")
    told = f"{letters} redriven, {verdicts} changed"
    if dry_run:
        told = f"{letters} would be redriven, {verdicts} would change; --do redrives them"
    show_note(form, told)
    if len(shown) < len(rows):
        show_note(form, f"{len(shown)} of {len(rows)} are shown; all of them: --format json")


@dead_letters.command("discard")
@with_letter_filter()
def discard_letters(
    *,
    operator: OperatorOption,
    reason: WhyOption,
    letter_ids: LettersArgument = None,
    chosen: Chosen,
    do: DoOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Set dead letters aside: these, or all that match. They stay in the books and leave the lists.

    Letters that are named are discarded. All that match are only counted, unless --do is given.
    """
    acts = do or bool(letter_ids)
    with open_waybill(waits=acts, access=Access.ACTING if acts else Access.READING) as waybill:
        wanted = chosen(waybill.clock())
        _expect_choice(letter_ids, wanted)
        letters = _chosen(waybill, letter_ids, wanted)
        if not acts:
            show_groups(letters, GROUPS, form, None, "Would be discarded")
            show_note(
                form,
                f"{counted(len(letters), 'dead letter')} would be discarded; --do discards {_them(letters)}",
            )
            return
        _expect_dead(waybill, letters)
        begun = waybill.clock()
        report = discard(waybill, [letter.letter_id for letter in letters], operator, reason)
        # Each act is an event, which the views pass over.
        waybill.project()
    _show_set_aside(report, letters, "discarded", "were set aside before", form, named=bool(letter_ids))
    if report.changed and not letter_ids and form is Format.TABLE:
        by = f"--discarded-by {shlex.quote(operator)} --discarded-since {instant_text(begun)}"
        options = " ".join([*as_options(wanted), by])
        show_note(form, f"to undo it: waybill dead-letters restore {options} --do")


@dead_letters.command("restore")
@with_letter_filter()
def restore_letters(
    *,
    operator: OperatorOption,
    letter_ids: LettersArgument = None,
    chosen: Chosen,
    discarded_by: Annotated[
        str | None, typer.Option("--discarded-by", metavar="NAME", help="Only those that this operator discarded.")
    ] = None,
    discarded_since: Annotated[
        datetime | None,
        typer.Option("--discarded-since", parser=read_since, metavar="T", help="Only those discarded at T or later."),
    ] = None,
    reason: IfAskedOption = "",
    do: DoOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Undo a discard: these letters, or all discarded ones that match, are listed again.

    All that match are only counted, unless --do is given.
    """
    acts = do or bool(letter_ids)
    with open_waybill(waits=acts, access=Access.ACTING if acts else Access.READING) as waybill:
        wanted = chosen(waybill.clock())
        if letter_ids:
            if (discarded_by, discarded_since) != (None, None):
                raise typer.BadParameter("name letters, or filter them: not both")
            letters = _chosen(waybill, letter_ids, wanted)
        else:
            if (discarded_by, discarded_since) == (None, None):
                _expect_choice(letter_ids, wanted)
            letters = discarded_matching(waybill, wanted, discarded_by, discarded_since)
            expect_known_names(waybill, wanted, letters)
        if not acts:
            show_groups(letters, GROUPS, form, None, "Would be restored")
            show_note(
                form,
                f"{counted(len(letters), 'dead letter')} would be restored; --do restores {_them(letters)}",
            )
            return
        report = restore(waybill, [letter.letter_id for letter in letters], operator, reason)
        waybill.project()
    _show_set_aside(report, letters, "restored", "were not discarded", form, named=bool(letter_ids))


def _show_set_aside(
    report: SetAsideReport,
    letters: Sequence[UntakenMessage],
    done: str,
    otherwise: str,
    form: Format,
    *,
    named: bool,
) -> None:
    if form is Format.JSON:
        show_json({done: report.changed, "unchanged": report.unchanged})
        return
    if form is Format.TABLE and not named:
        changed = set(report.changed)
        show_groups([one for one in letters if one.letter_id in changed], GROUPS, form, None, done.capitalize())
    else:
        shortened = beginning if form is Format.TABLE else str
        rows = [{"letter_id": shortened(letter_id)} for letter_id in report.changed]
        show_rows(["letter_id"], rows, form, empty=f"none {done}")
    rest = f"; {report.unchanged:,} {otherwise}" if report.unchanged else ""
    show_note(form, f"{len(report.changed):,} {done}{rest}")


@dead_letters.command("edit")
def edit_letter(
    letter_id: LetterArgument,
    operator: OperatorOption,
    reason: WhyOption,
    assignments: SetOption = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE|-", help="The whole message, in structured JSON, as it should be."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change; nothing is stored.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Correct a copy of a letter and take it; the letter is kept, and set aside.

    The copy of a malformed message has the id that it claims. That of a refused or held one has a new id, names the
    letter as its cause, and the letter is voided.
    """
    if not assignments and file is None:
        raise typer.BadParameter("say what to change: --set FIELD=VALUE, or --file FILE")
    replacement = None if file is None else _read(file)
    with open_waybill(waits=not dry_run, access=Access.READING if dry_run else Access.ACTING) as waybill:
        (letter,) = _chosen(waybill, [letter_id], EVERY_LETTER)
        try:
            plan = plan_edit(
                waybill, letter, [read_assignment(text) for text in assignments or ()], replacement, operator
            )
            row = would_edit(waybill, plan) if dry_run else do_edit(waybill, plan, operator, reason)
        except NeedsReplacementError as e:
            raise typer.BadParameter(f"{e} with --file") from None
        except WrongReplacementError as e:
            raise typer.BadParameter(f"the file {e.problem}") from None
        except CannotEditError as e:
            raise typer.BadParameter(f"{e}: {e.command}" if e.command else str(e)) from None
        except FieldError as e:
            raise typer.BadParameter(str(e)) from None
    if form is Format.TABLE:
        show_rows(["change"], [{"change": change} for change in plan.changes], form, title="Changes")
        show_note(form, "")
    show_rows([name for name in Edited._fields if form is not Format.TABLE or name != "changes"], [row._asdict()], form)
    if row.verdict not in (None, Verdict.APPLIED.value, Verdict.DUPLICATE.value):
        show_warning(f"the copy is {row.verdict}: {row.reason}")


def _chosen(waybill: Waybill, letter_ids: Sequence[str] | None, wanted: DeadLetterFilter) -> list[UntakenMessage]:
    if not letter_ids:
        letters = dead_letters_matching(waybill, wanted)
        expect_known_names(waybill, wanted, letters)
        return letters
    if wanted != EVERY_LETTER:
        raise typer.BadParameter("name letters, or filter them: not both")
    try:
        return letters_named(waybill, letter_ids)
    except CannotChooseError as e:
        raise typer.BadParameter(str(e), param_hint="LETTER_ID") from None


def _expect_choice(letter_ids: Sequence[str] | None, wanted: DeadLetterFilter) -> None:
    if not letter_ids and wanted == EVERY_LETTER:
        raise typer.BadParameter("name letters, or choose some with --source, --type, --matching and the like")


def _expect_dead(waybill: Waybill, letters: Sequence[UntakenMessage]) -> None:
    try:
        expect_dead(waybill, letters)
    except CannotChooseError as e:
        raise typer.BadParameter(str(e)) from None


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()


def _them(letters: Sequence[object]) -> str:
    return "it" if len(letters) == 1 else "them"
