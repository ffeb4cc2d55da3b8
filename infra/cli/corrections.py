"""Commands that undo what an upstream got wrong: void, correct."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from consumers.contract.fields import FieldError, read_assignment
from infra.app.container import Waybill
from infra.app.correct import (
    CannotCorrectError,
    Corrected,
    CorrectionPlan,
    Corrections,
    do_corrections,
    file_of_messages,
    one_message,
    plan_corrections,
    selected_messages,
)
from infra.app.message_changes import ChangeEffect, MessageCount, VerdictShift
from infra.app.row_effects import SAMPLES
from infra.app.void import CannotVoidError, VoidReport, plan_void, void_message
from infra.app.void_many import VoidedInBulk, do_voids, plan_voids
from infra.cli.arguments import FormatOption, OperatorOption, SourceOption, TypeOption, open_waybill, why_option
from infra.cli.message_options import (
    CorrelationOption,
    ReceivedSinceOption,
    ReceivedUntilOption,
    SetOption,
    SinceOption,
    UntilOption,
    WhereOption,
    expect_message_type,
    expect_span,
    read_conditions,
)
from infra.cli.output import (
    Format,
    console,
    progress_bar,
    show_json,
    show_no_longer_applied,
    show_note,
    show_rows,
    show_warning,
)
from infra.cli.row_changes import change_as_json, sample_rows
from infra.queries.selected_messages import MessageFilter
from infra.store.opening import Access
from projections.views.catalogue import VIEWS

MessageSource = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="The source of one message.")]
MessageId = Annotated[str | None, typer.Argument(metavar="[ID]", help="The id of that message.")]
SubjectOption = Annotated[
    str | None,
    typer.Option("--subject", help="Only messages about this subject; it also tells messages of one id apart."),
]
WhyOption = Annotated[str, why_option("Why it was wrong; the voids say so.")]
DoOption = Annotated[bool, typer.Option("--do", help="Do it. Without it, many messages are only shown.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would follow, and store nothing.")]
SamplesOption = Annotated[
    int, typer.Option("--samples", min=0, help="How many changed rows of each table to show in a dry run.")
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        exists=True,
        dir_okay=False,
        help="The right messages, as `waybill events --format cloudevents` wrote the wrong ones: same source and id.",
    ),
]
TABLE_COLUMNS = ("projection", "table", "added", "gone", "changed", "columns", "views")
VIEW_COLUMNS = ("view", "added", "gone", "changed", "columns")
SAMPLE_COLUMNS = ("view", "change", "key", "column", "now", "then")


def add_commands(app: typer.Typer) -> None:
    app.command()(void)
    app.command()(correct)


def void(
    source: MessageSource = None,
    message_id: MessageId = None,
    *,
    reason: WhyOption,
    subject: SubjectOption = None,
    every: SourceOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    received_since: ReceivedSinceOption = None,
    received_until: ReceivedUntilOption = None,
    correlation: CorrelationOption = None,
    where: WhereOption = None,
    do: DoOption = False,
    dry_run: DryRunOption = False,
    operator: OperatorOption,
    samples: SamplesOption = SAMPLES,
    form: FormatOption = Format.TABLE,
) -> None:
    """Void messages that were wrong: they count as never sent. Publish the right ones afterwards, or see `correct`.

    `waybill void SOURCE ID` voids one message. With --source, all messages that the options select are shown with what
    would follow, and voided with --do, batch by batch; if it is interrupted, run it again.
    """
    wanted = _filter(every, type_, subject, since, until, received_since, received_until, correlation, where)
    one = _one_message(source, message_id, wanted)
    try:
        if one is not None and not dry_run:
            with open_waybill(access=Access.ACTING) as waybill:
                _show_void(void_message(waybill, *one, reason, subject, operator=operator), form)
        elif one is not None:
            with open_waybill() as waybill:
                _show_effect(plan_void(waybill, *one, reason, subject, samples=samples), form, "void")
        elif do and not dry_run:
            with open_waybill(access=Access.ACTING) as waybill, progress_bar() as progress:
                task = progress.add_task("voiding", total=None)
                done = do_voids(
                    waybill,
                    wanted,
                    reason,
                    operator,
                    lambda done, total: progress.update(task, completed=done, total=total),
                )
            _show_voided(done, form)
        else:
            _expect_one_of(do, dry_run)
            with open_waybill() as waybill, progress_bar() as progress:
                task = progress.add_task("settling their subjects with and without them", total=None)
                effect = plan_voids(
                    waybill, wanted, reason, samples=samples, on_stream=lambda: progress.update(task, advance=1)
                )
            _show_effect(effect, form, "void")
    except CannotVoidError as e:
        raise typer.BadParameter(str(e)) from None


def correct(
    source: MessageSource = None,
    message_id: MessageId = None,
    *,
    reason: WhyOption,
    assignments: SetOption = None,
    file: FileOption = None,
    subject: SubjectOption = None,
    every: SourceOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    received_since: ReceivedSinceOption = None,
    received_until: ReceivedUntilOption = None,
    correlation: CorrelationOption = None,
    where: WhereOption = None,
    do: DoOption = False,
    dry_run: DryRunOption = False,
    operator: OperatorOption,
    samples: SamplesOption = SAMPLES,
    form: FormatOption = Format.TABLE,
) -> None:
    """Correct messages that were wrong: void each one and publish the right one, together.

    `waybill correct SOURCE ID --set FIELD=VALUE` corrects one message. With --source or --file, all of them are shown
    with what would follow, and corrected with --do, batch by batch; if it is interrupted, run it again.
    """
    wanted = _filter(every, type_, subject, since, until, received_since, received_until, correlation, where)
    one = _one_message(source, message_id, wanted, others=file is not None)
    try:
        changes = tuple(map(read_assignment, assignments or ()))
    except FieldError as e:
        raise typer.BadParameter(str(e), param_hint="--set") from None
    if (file is None) == (not changes):
        raise typer.BadParameter("say what is right: --set FIELD=VALUE, or --file with the right messages")

    def corrections(waybill: Waybill) -> Corrections:
        if one is not None:
            return one_message(waybill, *one, changes, subject)
        return selected_messages(waybill, wanted, changes) if file is None else file_of_messages(waybill, file)

    try:
        if (do or one is not None) and not dry_run:
            with open_waybill(access=Access.ACTING) as waybill, progress_bar() as progress:
                task = progress.add_task("correcting", total=None)
                done = do_corrections(
                    waybill,
                    corrections(waybill),
                    reason,
                    operator,
                    lambda done: progress.update(task, completed=done),
                )
                _show_corrected(waybill, one, done, form)
        else:
            _expect_one_of(do, dry_run)
            with open_waybill() as waybill, progress_bar() as progress:
                task = progress.add_task("settling their subjects with and without them", total=None)
                plan = plan_corrections(
                    waybill,
                    corrections(waybill),
                    reason,
                    samples=samples,
                    on_stream=lambda: progress.update(task, advance=1),
                )
            _show_plan(plan, form)
    except CannotCorrectError as e:
        raise typer.BadParameter(str(e)) from None


def _filter(
    source: str | None,
    type_: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
    received_since: datetime | None,
    received_until: datetime | None,
    correlation: str | None,
    where: Sequence[str] | None,
) -> MessageFilter:
    expect_message_type(type_)
    expect_span(since, until)
    expect_span(received_since, received_until, "--received-")
    conditions = read_conditions(where)
    return MessageFilter(source, type_, subject, since, until, received_since, received_until, correlation, conditions)


def _one_message(
    source: str | None, message_id: str | None, wanted: MessageFilter, *, others: bool = False
) -> tuple[str, str] | None:
    """The one message that the arguments name; None for many. Raises BadParameter for a mixture."""
    if source is None:
        if wanted == MessageFilter() and not others:
            raise typer.BadParameter("name one message as SOURCE ID, or many with --source")
        return None
    if message_id is None:
        raise typer.BadParameter(f"name the ID too, or all messages of it with --source {source}")
    if others or wanted._replace(subject=None) != MessageFilter():
        raise typer.BadParameter("SOURCE ID is one message; leave out the options that select many")
    return source, message_id


def _expect_one_of(do: bool, dry_run: bool) -> None:
    if do and dry_run:
        raise typer.BadParameter("give --do or --dry-run, not both")


def _show_void(report: VoidReport, form: Format) -> None:
    rows = [told._asdict() for told in (*report.voided, *report.void)]
    show_rows(["source", "id", "subject", "type", "verdict", "reason"], rows, form)
    show_no_longer_applied(report.no_longer_applied)


def _show_voided(done: VoidedInBulk, form: Format) -> None:
    voids = {verdict.value: count for verdict, count in done.voids.items()}
    if form is Format.JSON:
        show_json({"act": done.act_id, "voided": sum(voids.values()), "voids": voids, "continued": done.continued})
    else:
        rows = [{"voids": verdict, "messages": count} for verdict, count in sorted(voids.items())]
        show_rows(["voids", "messages"], rows, form, empty="nothing left to void")
    if done.act_id is not None and form is Format.TABLE:
        show_note(form, f"their correlation id is {done.act_id}; waybill events --correlation {done.act_id} lists them")
        show_note(form, f"to undo it: waybill void --correlation {done.act_id} --reason …")
    show_no_longer_applied(done.no_longer_applied)


def _show_corrected(waybill: Waybill, one: tuple[str, str] | None, done: Corrected, form: Format) -> None:
    if one is not None and done.first is not None:
        keys = [one, (done.first.source, done.first.message_id)]
        rows = [report._asdict() for key in keys for report in waybill.messages.find(*key)]
        show_rows(["source", "id", "subject", "type", "verdict", "reason"], rows, form)
    elif form is Format.JSON:
        show_json(
            {
                "act": done.act_id,
                "corrected": sum(done.right.values()),
                "right": {verdict.value: count for verdict, count in done.right.items()},
                "voids": {verdict.value: count for verdict, count in done.voids.items()},
                "skipped": done.skipped,
                "continued": done.continued,
            }
        )
    else:
        told = [("void", done.voids), ("right message", done.right)]
        rows = [
            {"published": what, "verdict": verdict.value, "messages": count}
            for what, verdicts in told
            for verdict, count in sorted(verdicts.items())
        ]
        show_rows(["published", "verdict", "messages"], rows, form, empty="nothing left to correct")
    _note_skipped(done.skipped, form)
    show_no_longer_applied(done.no_longer_applied)


def _show_plan(plan: CorrectionPlan, form: Format) -> None:
    _show_effect(plan.effect, form, "correct")
    _note_skipped(plan.skipped, form)


def _note_skipped(skipped: int, form: Format) -> None:
    if skipped and form is Format.TABLE:
        show_note(form, f"{skipped} are right as they are, or corrected already")


def _show_effect(effect: ChangeEffect, form: Format, verb: str) -> None:
    tables = [each for each in effect.tables if each.differs]
    if form is Format.JSON:
        show_json(
            {
                "messages": effect.wrong,
                "already_void": effect.already_void,
                "right": effect.right,
                "subjects": effect.subjects,
                "shifts": effect.shifts,
                "no_longer_applied": effect.no_longer_applied,
                "tables": [
                    {**each._asdict(), "samples": [change_as_json(one, "now", "then") for one in each.samples]}
                    for each in tables
                ],
                "views": [
                    {**each._asdict(), "samples": [change_as_json(one, "now", "then") for one in each.samples]}
                    for each in effect.views
                ],
            }
        )
        return
    rows = [
        {
            **each._asdict(),
            "columns": _counted(each.columns),
            "views": _views(each.projection),
        }
        for each in tables
    ]
    if form is Format.CSV:
        show_rows(TABLE_COLUMNS, rows, form)
        return
    footer = f"{effect.messages} messages; {effect.subjects} subjects"
    if effect.already_void:
        footer += f"; {effect.already_void} more are void already"
    show_rows(
        MessageCount._fields,
        [count._asdict() for count in effect.wrong],
        form,
        title=f"Messages to {verb}",
        footer=footer,
        empty="none",
    )
    if effect.right:
        show_rows(
            MessageCount._fields, [count._asdict() for count in effect.right], form, title="\nRight messages would be"
        )
    if effect.shifts:
        shifts = [shift._asdict() for shift in effect.shifts]
        show_rows(VerdictShift._fields, shifts, form, title="\nOther messages that would have another verdict")
    views = [{**each._asdict(), "columns": _counted(each.columns)} for each in effect.views]
    show_rows(VIEW_COLUMNS, views, form, title="\nRows of orders that would differ in the views now", empty="none")
    samples = [
        row
        for each in effect.views
        for one in each.samples
        for row in sample_rows("view", each.view, one, "now", "then")
    ]
    if samples:
        show_rows(SAMPLE_COLUMNS, samples, form, title="\nSamples")
    show_rows(TABLE_COLUMNS, rows, form, title="\nStored rows that would differ", empty="none")
    if effect.reactors_follow:
        show_warning("reactors follow these subjects: what they would withdraw or state is not counted")
    if effect.messages or effect.right:
        console().print(f"[dim]nothing was stored; to {verb} them, add --do[/dim]")


def _counted(columns: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in columns.items())


def _views(projection: str) -> str:
    """The commands whose answers read a projection."""
    return ", ".join(view.command for view in VIEWS if projection in {one.name for one in view.projections})
