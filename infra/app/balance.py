"""Balance: proposes reassignments of open orders that make the reps' work more even. It changes nothing by itself."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.desk.balancing import Balanced, Move, OpenOrder, Rep, Weights, balance
from domain.nearest import near, suggested
from infra.app.container import Waybill
from infra.app.nearest import nearest_rep
from infra.app.reassignments import CannotReassignError, Reassignment, expect_to_fit, reassignment
from infra.queries import desk
from infra.settings import Settings


class Proposal(NamedTuple):
    """The moves, the reps' totals, and the message for each move.

    `position` is the position of the views that it rests on.
    """

    balanced: Balanced
    reassignments: Sequence[Reassignment]
    position: int


def propose_balance(
    waybill: Waybill,
    operator: str,
    *,
    team: str | None = None,
    keep_accounts: bool = True,
    limit: int | None = None,
    without: Collection[str] = (),
) -> Proposal:
    """Propose at most `limit` reassignments, among the reps of one team or all reps.

    Reps of `without` take no work. Raises CannotReassignError.
    """
    reps = waybill.desk.reps()
    chosen = _reps(reps, waybill.settings, team, without)
    workloads = waybill.desk.open_orders(waybill.clock(), unheld=team is None)
    balanced = balance(
        _orders(workloads.orders, {rep.rep_id for rep in chosen}),
        chosen,
        weights_of(waybill.settings),
        keep_accounts=keep_accounts,
        limit=limit,
    )
    held = {each.subject: each for each in waybill.desk.orders(move.order_id for move in balanced.moves)}
    now = waybill.clock()
    reassignments = [
        reassignment("order", held[move.order_id], move.to_rep_id, _reason(move), operator, now)
        for move in balanced.moves
        # An order that was closed or handed over since the views were made is left out.
        if move.order_id in held and held[move.order_id].rep_id == move.from_rep_id
    ]
    expect_to_fit(waybill, reassignments)
    return Proposal(balanced, reassignments, workloads.position)


def weights_of(settings: Settings) -> Weights:
    """The weights that the settings give."""
    return Weights(
        order=settings.balance_weight_order,
        overdue=settings.balance_weight_overdue,
        expedite=settings.balance_weight_expedite,
        at_risk=settings.balance_weight_at_risk,
        follow_up=settings.balance_weight_follow_up,
    )


def _reps(
    reps: Mapping[str, desk.Rep], settings: Settings, team: str | None, without: Collection[str] = ()
) -> list[Rep]:
    for rep_id in without:
        if rep_id not in reps:
            raise CannotReassignError(f"no rep {rep_id} is known{nearest_rep(rep_id, reps)}")
    teams = {rep.team for rep in reps.values() if rep.team is not None}
    if team is not None and team not in teams:
        raise CannotReassignError(f"no rep is in team {team}{suggested(near(team, teams))}")
    chosen = [rep for rep in reps.values() if team is None or rep.team == team]
    if not any(rep.registered and rep.rep_id not in without for rep in chosen):
        raise CannotReassignError(
            "no registered rep can take work" if team is None else f"nobody of team {team} can take work"
        )
    share = {"entry": settings.balance_entry_share}
    return [
        Rep(rep.rep_id, share.get(rep.level, Decimal(1)), rep.registered, rep.rep_id not in without) for rep in chosen
    ]


def _orders(orders: Iterable[desk.OpenOrderRow], reps: set[str]) -> list[OpenOrder]:
    """The orders of these reps, and those of nobody."""
    return [
        OpenOrder(
            order_id=order.order_id,
            rep_id=order.rep_id,
            account_id=order.account_id,
            account_rep_id=order.account_rep_id,
            overdue=order.overdue,
            expedites=order.expedites_open,
            at_risk=order.at_risk,
            follow_up=order.follow_up_owed,
        )
        for order in orders
        if order.rep_id is None or order.rep_id in reps
    ]


def _reason(move: Move) -> str:
    return f"balance: {move.why}"
