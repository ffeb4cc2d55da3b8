"""Hand over: an account with its open orders, or everything that a rep holds, goes to another rep in one act."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.app.nearest import nearest_account, nearest_rep
from infra.app.reassignments import (
    CannotReassignError,
    Reassignment,
    expect_to_fit,
    reassignment,
    store_together,
)
from infra.queries.desk import Held, Rep
from infra.queries.messages import NoLongerApplied
from infra.queries.views import Asked
from projections.views.catalogue import view_named


class HandOverPlan(NamedTuple):
    """What would be handed over: accounts first, then orders, each by id.

    `follow_ups_left` counts the follow-ups that the leaving rep owes on closed orders, `standing_orders` are those that
    still name another rep than the one who gets the work: both stay as they are. `warning` says what is wrong with the
    rep who gets the work; None: nothing. `still_registered` is the rep who gives the work and has not left.
    """

    reassignments: Sequence[Reassignment]
    standing_orders: Sequence[str]
    follow_ups_left: int
    warning: str | None
    still_registered: str | None = None


class HandedOver(NamedTuple):
    """One account or order of a hand-over; `verdict` and `reason` are None until it was done.

    `source` and `id` are those of its message, so that it can be voided.
    """

    kind: Literal["account", "order"]
    subject: str
    account_id: str | None
    from_rep_id: str | None
    to_rep_id: str
    verdict: str | None
    reason: str | None
    source: str
    id: str


def plan_account(
    waybill: Waybill, account_id: str, to: str, reason: str | None, operator: str, *, force: bool = False
) -> HandOverPlan:
    """Give an account to a rep, with its open orders, whoever holds them. Raises CannotReassignError."""
    desk = waybill.desk
    warning = _check_receiver(desk.reps(), to, force=force)
    account, orders = desk.account(account_id), desk.open_orders_of_account(account_id)
    if account is None and not orders:
        raise CannotReassignError(f"no account {account_id} is known{nearest_account(account_id, desk)}")
    accounts = [Held(account_id, None, (), None, None)] if account is None else [account]
    plan = _plan(waybill, accounts, orders, to, reason, operator, warning)
    return plan._replace(standing_orders=desk.standing_orders_of_account(account_id, unless=to))


def plan_rep(
    waybill: Waybill, rep_id: str, to: str, reason: str | None, operator: str, *, force: bool = False
) -> HandOverPlan:
    """Give all accounts and all open orders of a rep to another one. Raises CannotReassignError."""
    desk = waybill.desk
    reps = desk.reps()
    warning = _check_receiver(reps, to, force=force)
    accounts, orders = desk.accounts_of_rep(rep_id), desk.open_orders_of_rep(rep_id)
    if rep_id not in reps and not accounts and not orders:
        raise CannotReassignError(f"no rep {rep_id} is known{nearest_rep(rep_id, reps)}")
    plan = _plan(waybill, accounts, orders, to, reason, operator, warning)
    owed = waybill.views.ask(view_named("follow-ups"), Asked(), {"rep_id": rep_id}).rows
    held = {order.subject for order in orders}
    return plan._replace(
        standing_orders=desk.standing_orders_of_rep(rep_id),
        follow_ups_left=sum(row["order_id"] not in held for row in owed),
        still_registered=rep_id if rep_id in reps and reps[rep_id].registered else None,
    )


def do_hand_over(waybill: Waybill, plan: HandOverPlan) -> tuple[list[HandedOver], Sequence[NoLongerApplied]]:
    """Store the plan's messages, all of them or none; returns what became of each. Raises the errors of ingest."""
    done = store_together(waybill, plan.reassignments)
    rows = [_row(each, outcome) for each, outcome in zip(plan.reassignments, done.outcomes, strict=True)]
    return rows, done.no_longer_applied


def rows_of(plan: HandOverPlan) -> list[HandedOver]:
    """The plan as rows, before it is done."""
    return [_row(each, None) for each in plan.reassignments]


def succeeded(row: HandedOver) -> bool:
    """Whether the subject is with its new rep: by this message, or because it was so already."""
    return row.verdict in (Verdict.APPLIED.value, Verdict.DUPLICATE.value)


def _plan(
    waybill: Waybill,
    accounts: Iterable[Held],
    orders: Iterable[Held],
    to: str,
    reason: str | None,
    operator: str,
    warning: str | None,
) -> HandOverPlan:
    now = waybill.clock()
    given = [
        *(reassignment("account", held, to, reason, operator, now) for held in accounts if held.rep_id != to),
        *(reassignment("order", held, to, reason, operator, now) for held in orders if held.rep_id != to),
    ]
    expect_to_fit(waybill, given)
    return HandOverPlan(given, (), 0, warning)


def _row(each: Reassignment, outcome: Outcome | None) -> HandedOver:
    return HandedOver(
        kind=each.kind,
        subject=each.held.subject,
        account_id=each.held.subject if each.kind == "account" else each.held.summary.account_id,
        from_rep_id=each.held.rep_id,
        to_rep_id=each.to_rep_id,
        verdict=None if outcome is None else outcome.verdict.value,
        reason=None if outcome is None else outcome.reason or None,
        source=each.fact.source,
        id=each.fact.message_id,
    )


def _check_receiver(reps: Mapping[str, Rep], to: str, *, force: bool) -> str | None:
    """None for a registered rep; with `force`, what is wrong with another one. Raises CannotReassignError."""
    rep = reps.get(to)
    if rep is not None and rep.registered:
        return None
    wrong = f"rep {to} is not registered{nearest_rep(to, reps)}" if rep is None else f"rep {to} ({rep.name}) has left"
    if not force:
        raise CannotReassignError(f"{wrong}; --force hands over anyway")
    return wrong
