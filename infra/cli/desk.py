"""Commands of the sales desk: hand-over, balance."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from domain.counted import counted
from domain.desk.balancing import Move, RepTotal
from infra.app.balance import propose_balance
from infra.app.hand_over import (
    HandedOver,
    HandOverPlan,
    do_hand_over,
    plan_account,
    plan_rep,
    rows_of,
    succeeded,
)
from infra.app.reactor_lag import REASONS
from infra.app.reassignments import CannotReassignError
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import FormatOption, OperatorOption, open_waybill
from infra.cli.output import (
    Format,
    errors,
    show_error,
    show_json,
    show_no_longer_applied,
    show_note,
    show_rows,
    show_warning,
)
from infra.cli.tables.importance import HANDED_OVER, MOVES
from infra.export.whole_file import whole_file
from infra.store.opening import Access

STANDARD_STREAM = "-"
STANDING_ORDERS_NAMED = 5

OutOption = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE|-", help="Write the messages as JSON Lines, to be published later."),
]


def add_commands(app: typer.Typer) -> None:
    app.command(name="hand-over")(hand_over)
    app.command(name="balance")(balance)


def hand_over(
    to: Annotated[str, typer.Option("--to", metavar="REP", help="The rep who gets the work.")],
    operator: OperatorOption,
    account: Annotated[
        str | None, typer.Option("--account", metavar="A", help="Hand over this account and its open orders.")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="REP", help="Hand over all accounts and all open orders of this rep."),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it is kept with each order.")] = None,
    do: Annotated[bool, typer.Option("--do", help="Do it. Without this, only show what would be handed over.")] = False,
    out: OutOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Hand over even to a rep who has left or is not registered.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Give an account, or all that a rep holds, to another rep: in one act, all of it or nothing.

    Shows what would be handed over, unless --do is given. Follow-ups that are owed stay with their orders.
    """
    if (account is None) == (from_ is None):
        raise typer.BadParameter("name either an account (--account) or a rep (--from)")
    if from_ == to:
        raise typer.BadParameter("--from and --to name the same rep")
    _expect_operator(operator)
    if out is not None:
        _expect_writable(out)
    if do and out is not None:
        raise typer.BadParameter("--do acts and --out leaves that to somebody else; give one of them")
    rows: Sequence[HandedOver]
    with open_waybill(waits=do, access=Access.ACTING if do else Access.READING) as waybill:
        if do:
            waybill.project()  # so that no order is missed
        try:
            if account is not None:
                plan = plan_account(waybill, account, to, reason, operator, force=force)
            else:
                assert from_ is not None
                plan = plan_rep(waybill, from_, to, reason, operator, force=force)
        except CannotReassignError as e:
            show_error(str(e))
            raise typer.Exit(1) from None
        behind = waybill.lag()
        rows, lost = do_hand_over(waybill, plan) if do else (rows_of(plan), ())
    if plan.warning is not None:
        show_warning(plan.warning)
    if out is not None:
        _write(out, [each.line for each in plan.reassignments])
    if out != STANDARD_STREAM:
        columns = [name for name in HandedOver._fields if form is not Format.TABLE or name not in ("source", "id")]
        show_rows(columns, [row._asdict() for row in rows], form, empty="nothing to hand over", importance=HANDED_OVER)
    _note(plan, rows, from_, to, behind, done=do, written=out, form=form)
    show_no_longer_applied(lost)
    if do and not all(map(succeeded, rows)):
        raise typer.Exit(1)


def balance(
    operator: OperatorOption,
    team: Annotated[str | None, typer.Option("--team", metavar="T", help="Only among the reps of this team.")] = None,
    keep_accounts: Annotated[
        bool,
        typer.Option(
            "--keep-accounts/--move-accounts", help="Leave orders with the rep of their account, or move them too."
        ),
    ] = True,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many reassignments.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="REP", help="This rep takes no work; may be given several times."),
    ] = None,
    out: OutOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Propose reassignments of open orders that make the reps' work more even, each with its reason.

    It changes nothing. Review the messages that --out writes, then publish them: waybill ingest, or waybill publish.
    """
    _expect_operator(operator)
    if out is not None:
        _expect_writable(out)
    with open_waybill() as waybill:
        try:
            proposal = propose_balance(
                waybill, operator, team=team, keep_accounts=keep_accounts, limit=limit, without=without or ()
            )
        except CannotReassignError as e:
            show_error(str(e))
            raise typer.Exit(1) from None
        behind = waybill.lag()
        store = answer_footer(waybill, tells_views=False, reactors=tuple(REASONS))
    moves, totals = proposal.balanced
    if out is not None:
        _write(out, [each.line for each in proposal.reassignments])
    if out == STANDARD_STREAM:
        return
    if form is Format.JSON:
        show_json({"moves": moves, "reps": totals})
    else:
        show_rows(
            Move._fields,
            [move._asdict() for move in moves],
            form,
            title="Moves",
            empty="nothing to move",
            importance=MOVES,
        )
    if form is Format.TABLE:
        show_rows(RepTotal._fields, [total._asdict() for total in totals], form, title="\nReps")
    changed = len(moves) - len(proposal.reassignments)
    if changed:
        show_warning(f"{counted(changed, 'order')} changed hands meanwhile; ask again")
    if out is None and moves:
        show_note(form, "nothing was moved; to get the messages, add --out FILE")
    show_note(form, f"reflects position {proposal.position}")
    show_note(form, store.line)
    if behind:
        show_warning(f"the views are {counted(behind, 'event')} behind")


def _note(
    plan: HandOverPlan,
    rows: Sequence[HandedOver],
    from_: str | None,
    to: str,
    behind: int,
    *,
    done: bool,
    written: str | None,
    form: Format,
) -> None:
    if written == STANDARD_STREAM:
        form = Format.JSON  # standard output has the messages, so notes go to standard error
    accounts = sum(row.kind == "account" for row in rows)
    counts = f"{counted(accounts, 'account')} and {counted(len(rows) - accounts, 'open order')}"
    if done:
        taken = sum(map(succeeded, rows))
        said = f"handed over {counts}" if taken == len(rows) else f"{taken} of {len(rows)} handed over"
    elif written not in (None, STANDARD_STREAM):
        said = f"the messages for {counts} are in {written}; to act on them: waybill ingest, or waybill publish"
    else:
        said = f"would hand over {counts}; to do it, add --do"
    if rows and written != STANDARD_STREAM:
        show_note(form, said)
    if plan.follow_ups_left:
        left = counted(plan.follow_ups_left, "follow-up")
        show_note(form, f"{left} on closed orders stay with {from_}: waybill follow-ups --rep {from_}")
    if plan.standing_orders:
        show_warning(_standing_orders(plan.standing_orders, from_, to))
    if plan.still_registered is not None:
        rep = plan.still_registered
        show_note(
            form,
            f"{rep} is still registered: publish rep.left.v1, or balance gives work back "
            f"(waybill balance --without {rep})",
        )
    if behind:
        show_warning(f"the views are {counted(behind, 'event')} behind; orders of these are not counted")


def _standing_orders(names: Sequence[str], from_: str | None, to: str) -> str:
    named = ", ".join(names[:STANDING_ORDERS_NAMED])
    more = len(names) - STANDING_ORDERS_NAMED
    still = "still names" if len(names) == 1 else "still name"
    their, them = ("its", "it") if len(names) == 1 else ("their", "them")
    return (
        f"{counted(len(names), 'standing order')} {still} {from_ or 'another rep'} "
        f"({named}{f' and {more} more' if more > 0 else ''}): {their} future orders go to {from_ or 'that rep'}; "
        f"establish {them} again with {to}"
    )


def _expect_operator(operator: str) -> None:
    if not operator.strip():
        raise typer.BadParameter("name who acts", param_hint="--operator")


def _expect_writable(out: str) -> None:
    path = Path(out)
    if out != STANDARD_STREAM and (path.is_dir() or not path.parent.is_dir()):
        raise typer.BadParameter(f"{out} is a folder, or its folder does not exist", param_hint="--out")


def _write(out: str, lines: Sequence[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    if out == STANDARD_STREAM:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    with whole_file(Path(out)) as part:
        part.write_bytes(content)
    errors().print(f"[dim]{counted(len(lines), 'message')} in {escape(out)}[/dim]")
