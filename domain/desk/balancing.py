"""Balancing: which open orders should go to which rep so that the work is even. A pure function; it reads nothing.

An order has a weight, a rep's load is the sum of the weights of the rep's orders divided by the rep's share of work
(1 for a senior rep, less for an entry rep). Two steps:

1. Orders of reps who left, and orders that nobody holds, go away first, the heaviest first: to the account's rep if
   accounts stay, else to the rep who carries least with it.
2. While a move helps, an order goes from a rep with more to one with less. A move helps if the larger of the two loads
   gets smaller and the giver does not fall below the least loaded rep. So no move makes the spread (the largest load
   minus the smallest) larger. Each order moves at most once, so it ends.

Ties are decided by id, so the same orders and reps in any sequence give the same moves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

NOBODY = "nobody holds it"


class Weights(NamedTuple):
    """What an open order counts, and what is added for each thing that makes it more work."""

    order: Decimal
    overdue: Decimal
    expedite: Decimal
    at_risk: Decimal
    follow_up: Decimal


class Rep(NamedTuple):
    """A rep who was registered at some time. `share` is what the rep takes of a senior rep's work, above 0.

    A registered rep takes work unless `takes_work` is false.
    """

    rep_id: str
    share: Decimal
    registered: bool
    takes_work: bool = True


class OpenOrder(NamedTuple):
    """An open order: who holds it, whose account it is of, and what makes it work. `expedites` are undecided ones."""

    order_id: str
    rep_id: str | None
    account_id: str | None
    account_rep_id: str | None
    overdue: bool
    expedites: int
    at_risk: bool
    follow_up: bool


class Move(NamedTuple):
    """An order that should go to another rep, and both reps' loads before and after the move.

    The giver's loads are None when no registered rep holds it.
    """

    order_id: str
    account_id: str | None
    from_rep_id: str | None
    to_rep_id: str
    weight: Decimal
    why: str
    from_load_before: Decimal | None
    from_load_after: Decimal | None
    to_load_before: Decimal
    to_load_after: Decimal


class RepTotal(NamedTuple):
    """A rep's open orders and load before all moves and after them."""

    rep_id: str
    registered: bool
    orders_before: int
    orders_after: int
    load_before: Decimal
    load_after: Decimal


class Balanced(NamedTuple):
    """The moves in the order in which they were chosen, and the totals of every rep, by id."""

    moves: Sequence[Move]
    totals: Sequence[RepTotal]


def weight_of(order: OpenOrder, weights: Weights) -> Fraction:
    """What an order counts."""
    return (
        Fraction(weights.order)
        + (Fraction(weights.overdue) if order.overdue else 0)
        + Fraction(weights.expedite) * order.expedites
        + (Fraction(weights.at_risk) if order.at_risk else 0)
        + (Fraction(weights.follow_up) if order.follow_up else 0)
    )


def balance(
    orders: Iterable[OpenOrder],
    reps: Iterable[Rep],
    weights: Weights,
    *,
    keep_accounts: bool = True,
    limit: int | None = None,
) -> Balanced:
    """Which orders to move, at most `limit`. Orders of reps who are not among `reps` stay where they are.

    With `keep_accounts`, an order that the account's registered rep holds stays. Without registered reps nobody takes
    work, so there are no moves.
    """
    known = {rep.rep_id: rep for rep in reps}
    weighed = {order.order_id: (weight_of(order, weights), order) for order in orders}
    desks = {rep_id: _Desk(rep) for rep_id, rep in sorted(known.items())}
    homeless: list[tuple[Fraction, OpenOrder]] = []
    for _, (weight, order) in sorted(weighed.items()):
        desk = desks.get(order.rep_id) if order.rep_id is not None else None
        if desk is not None:
            desk.hold(weight, order, movable=not (keep_accounts and order.account_rep_id == order.rep_id))
        if (desk is not None and not desk.rep.registered) or order.rep_id is None:
            homeless.append((weight, order))
    before = [(desk.orders, desk.load) for desk in desks.values()]
    registered = [desk for desk in desks.values() if desk.rep.registered]
    takers = [desk for desk in registered if desk.rep.takes_work]
    most = len(weighed) if limit is None else limit
    moves: list[Move] = []
    if takers:
        homeless.sort(key=lambda one: (-one[0], one[1].order_id))
        for weight, order in homeless[:most]:
            moves.append(_house(weight, order, desks, takers, keep_accounts=keep_accounts))
        while len(moves) < most and (move := _best_move(registered, takers)) is not None:
            moves.append(move)
    totals = [
        RepTotal(rep_id, desk.rep.registered, orders_before, desk.orders, _shown(load_before), _shown(desk.load))
        for (rep_id, desk), (orders_before, load_before) in zip(desks.items(), before, strict=True)
        if desk.rep.registered or orders_before
    ]
    return Balanced(moves, totals)


@dataclass(slots=True)
class _Desk:
    """A rep's orders while moves are chosen. `movable` has those that may go, by weight, each list by id."""

    rep: Rep
    orders: int = 0
    weight: Fraction = Fraction(0)
    movable: dict[Fraction, list[OpenOrder]] = field(default_factory=lambda: defaultdict(list))

    @property
    def load(self) -> Fraction:
        return self.load_with(Fraction(0))

    def load_with(self, more: Fraction) -> Fraction:
        return (self.weight + more) / Fraction(self.rep.share)

    def hold(self, weight: Fraction, order: OpenOrder, *, movable: bool) -> None:
        self.orders += 1
        self.weight += weight
        if movable:
            self.movable[weight].append(order)

    def give(self, weight: Fraction) -> None:
        self.orders -= 1
        self.weight -= weight


def _house(
    weight: Fraction, order: OpenOrder, desks: Mapping[str, _Desk], takers: Sequence[_Desk], *, keep_accounts: bool
) -> Move:
    """Give an order of nobody, or of a rep who left, to a registered rep."""
    left = NOBODY if order.rep_id is None else f"{order.rep_id} has left"
    owner = desks.get(order.account_rep_id) if keep_accounts and order.account_rep_id is not None else None
    if owner is not None and owner.rep.registered and owner.rep.takes_work:
        taker, why = owner, f"{left}, and {owner.rep.rep_id} has the account"
    else:
        taker = min(takers, key=lambda desk: (desk.load_with(weight), desk.rep.rep_id))
        why = f"{left}, and {taker.rep.rep_id} carries least with it"
    giver = None if order.rep_id is None else desks[order.rep_id]
    return _moved(weight, order, giver, taker, why)


def _best_move(givers: Sequence[_Desk], takers: Sequence[_Desk]) -> Move | None:
    """The next move that helps: from the rep with most to the one with least where possible. None: nothing helps."""
    by_load = sorted(takers, key=lambda desk: (desk.load, desk.rep.rep_id))
    least = by_load[0].load
    for giver in sorted(givers, key=lambda desk: (desk.load, desk.rep.rep_id), reverse=True):
        for taker in by_load:
            if taker.load >= giver.load:
                break
            # The weight that leaves the smaller of the two larger loads; of equal ones, the lighter order.
            helping = [
                (max(taker.load_with(weight), giver.load_with(-weight)), weight)
                for weight, orders in giver.movable.items()
                if orders and weight > 0 and taker.load_with(weight) < giver.load and giver.load_with(-weight) >= least
            ]
            if helping:
                _, weight = min(helping)
                order = giver.movable[weight].pop(0)
                why = f"{giver.rep.rep_id} carries {_shown(giver.load)}, {taker.rep.rep_id} only {_shown(taker.load)}"
                return _moved(weight, order, giver, taker, f"{_told(order)}{why}")
    return None


def _moved(weight: Fraction, order: OpenOrder, giver: _Desk | None, taker: _Desk, why: str) -> Move:
    from_before, to_before = None if giver is None else _shown(giver.load), _shown(taker.load)
    if giver is not None:
        giver.give(weight)
    taker.hold(weight, order, movable=False)
    return Move(
        order_id=order.order_id,
        account_id=order.account_id,
        from_rep_id=order.rep_id,
        to_rep_id=taker.rep.rep_id,
        weight=_shown(weight),
        why=why,
        from_load_before=from_before,
        from_load_after=None if giver is None else _shown(giver.load),
        to_load_before=to_before,
        to_load_after=_shown(taker.load),
    )


def _told(order: OpenOrder) -> str:
    """What makes this order more than one open order."""
    expedites = "an open expedite" if order.expedites == 1 else f"{order.expedites} open expedites"
    said = [
        *(["overdue"] if order.overdue else []),
        *([expedites] if order.expedites else []),
        *(["at risk"] if order.at_risk else []),
        *(["a follow-up owed"] if order.follow_up else []),
    ]
    return f"{', '.join(said)}: " if said else ""


def _shown(amount: Fraction) -> Decimal:
    """Two places, half-even."""
    return Decimal(round(amount * 100)).scaleb(-2)
