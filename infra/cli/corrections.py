"""Commands that undo what an upstream got wrong: void, correct."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from consumers.contract.fields import FieldError, read_assignment
from infra.app.container import Waybill
from infra.app.correct import (
    CannotCorrectError,
    Corrections,
    do_corrections,
    file_of_messages,
    one_message,
    plan_corrections,
    selected_messages,
)
from infra.app.known_names import expect_selected
from infra.app.row_effects import SAMPLES
from infra.app.void import CannotVoidError, plan_void, void_message
from infra.app.void_many import do_voids, plan_voids
from infra.cli.arguments import FormatOption, OperatorOption, SourceOption, TypeOption, open_waybill, why_option
from infra.cli.corrections_shown import show_corrected, show_effect, show_plan, show_void, show_voided
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
    progress_bar,
)
from infra.queries.selected_messages import MessageFilter
from infra.store.opening import Access

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
ActOption = Annotated[
    str | None,
    typer.Option(
        "--act", metavar="ID", help="Only what this act published: the voids and right messages of `correct`."
    ),
]


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
    act: ActOption = None,
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
    wanted = wanted._replace(act=act)
    one = _one_message(source, message_id, wanted)
    try:
        if one is not None and not dry_run:
            with open_waybill(access=Access.ACTING) as waybill:
                show_void(void_message(waybill, *one, reason, subject, operator=operator), form)
        elif one is not None:
            with open_waybill() as waybill:
                show_effect(plan_void(waybill, *one, reason, subject, samples=samples), form, "void")
        elif do and not dry_run:
            with open_waybill(access=Access.ACTING) as waybill, progress_bar() as progress:
                expect_selected(waybill, wanted.source, wanted.subject)
                task = progress.add_task("voiding", total=None)
                done = do_voids(
                    waybill,
                    wanted,
                    reason,
                    operator,
                    lambda done, total: progress.update(task, completed=done, total=total),
                )
            show_voided(done, form)
        else:
            _expect_one_of(do, dry_run)
            with open_waybill() as waybill, progress_bar() as progress:
                expect_selected(waybill, wanted.source, wanted.subject)
                task = progress.add_task("settling their subjects with and without them", total=None)
                effect = plan_voids(
                    waybill, wanted, reason, samples=samples, on_stream=lambda: progress.update(task, advance=1)
                )
            show_effect(effect, form, "void")
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
        expect_selected(waybill, wanted.source, wanted.subject)
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
                show_corrected(waybill, one, done, form)
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
            show_plan(plan, form)
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
