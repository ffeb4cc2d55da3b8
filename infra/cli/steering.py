"""Commands that steer running parts: pause, resume, parked, reset."""

from typing import Annotated

import typer

from infra.app.parked import NothingParkedError, ParkedKey, PausedError, RetriedKey, parked_keys, retry_parked
from infra.app.pause import PARTS, UnknownPartError, part_named
from infra.app.pause import pause as pause_part
from infra.app.pause import resume as resume_part
from infra.app.reset import CannotResetError, Reset, plan_reset, reset_position
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import FormatOption, OperatorOption, open_waybill, why_option
from infra.cli.output import Format, show_error, show_note, show_rows, show_warning
from infra.cli.tables.importance import PARKED
from infra.store.opening import Access
from infra.store.pauses import Pause

parked = typer.Typer(
    help="Subjects that projections and reactors failed on, and went on without.", no_args_is_help=True
)

PartArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=f"One of {', '.join(PARTS)}.", autocompletion=completion.parts)
]


def add_commands(app: typer.Typer) -> None:
    app.command()(pause)
    app.command()(resume)
    app.command()(reset)
    app.add_typer(parked, name="parked")


def pause(
    name: PartArgument,
    operator: OperatorOption,
    reason: Annotated[str, why_option("Why; waybill status shows it.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Pause a projection, the consumer, the reactors or the relay, in all processes and after restarts.

    Running processes follow within about a second, after their batch. A paused consumer stores nothing and stays
    in its group.
    """
    part = _part(name)
    with open_waybill(access=Access.ACTING) as waybill:
        found, is_new = pause_part(waybill, part, operator, reason)
    show_rows(Pause._fields, [found._asdict()], form, footer=f"to let it go on: waybill resume {part}")
    if not is_new:
        show_warning(f"{part} was paused before; that pause and its reason stay")


def resume(
    name: PartArgument,
    operator: OperatorOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, if you want to record it.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Resume a paused part where it stopped."""
    part = _part(name)
    with open_waybill(access=Access.ACTING) as waybill:
        ended = resume_part(waybill, part, operator, reason)
    show_rows(Pause._fields, [ended._asdict()] if ended is not None else [], form, empty=f"{part} was not paused")
    if ended is not None:
        show_note(form, f"{part} goes on")


def reset(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An outbox or a reactor, as waybill status lists it: relay.events, …")
    ],
    operator: OperatorOption,
    to: Annotated[int, typer.Option("--to", min=0, metavar="POSITION", help="The last position that counts as done.")],
    reason: Annotated[str, why_option("Why.")],
    expect: Annotated[
        int | None,
        typer.Option(
            "--expect", metavar="CURRENT", help="Set it, if this is the present position. Without this, only show."
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Set the position of an outbox or a reactor. Without --expect it only shows what would happen.

    Setting it back sends records again, under the same ids; forward leaves them out permanently. A reactor only goes
    back.
    """
    with open_waybill(access=Access.READING if expect is None else Access.ACTING) as waybill:
        try:
            found = (
                plan_reset(waybill, name, to)
                if expect is None
                else reset_position(waybill, name, to, expect, operator, reason)
            )
        except CannotResetError as e:
            raise typer.BadParameter(str(e)) from e
    footer = "" if expect is not None else f"nothing was changed; to do it, repeat it with --expect {found.position}"
    show_rows(Reset._fields, [found._asdict()], form, footer=footer)


@parked.command("list")
def list_parked(form: FormatOption = Format.TABLE) -> None:
    """The parked keys of each projection and reactor. An empty key means that the whole part is stopped."""
    with open_waybill() as waybill:
        found = parked_keys(waybill)
        store = answer_footer(waybill)
    footer = "after the cause is fixed: waybill parked retry"
    show_rows(
        ParkedKey._fields,
        [one._asdict() for one in found],
        form,
        footer=footer if found else "",
        importance=PARKED,
    )
    show_note(form, store.line)


@parked.command("retry")
def retry(
    operator: OperatorOption,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only of this projection or reactor.")] = None,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Only this one.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, if you want to record it.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Try parked keys again now, even while a projector runs elsewhere. Exits with 1 if one of them still fails."""
    with open_waybill(access=Access.ACTING) as waybill:
        try:
            retried = retry_parked(waybill, operator, reason, name, key)
        except NothingParkedError as e:
            raise typer.BadParameter(str(e)) from e
        except PausedError as e:
            show_error(str(e))
            raise typer.Exit(1) from e
    show_rows(RetriedKey._fields, [one._asdict() for one in retried], form, empty="nothing is parked")
    if not all(one.resumed for one in retried):
        raise typer.Exit(1)


def _part(name: str) -> str:
    try:
        return part_named(name)
    except UnknownPartError as e:
        raise typer.BadParameter(str(e), param_hint="NAME") from e
