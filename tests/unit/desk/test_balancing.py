"""given open orders and reps, when the work is balanced, then orders go where that makes the loads more even."""

import ast
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desk import balancing
from domain.desk.balancing import Balanced, Move, OpenOrder, Rep, Weights, balance, weight_of

WEIGHTS = Weights(order=Decimal(1), overdue=Decimal(3), expedite=Decimal(3), at_risk=Decimal(1), follow_up=Decimal(1))
SENIOR, ENTRY = Decimal(1), Decimal("0.5")


def order(order_id: str, rep: str | None, account_rep: str | None = None, **more: int) -> OpenOrder:
    return OpenOrder(
        order_id,
        rep,
        f"account of {account_rep}" if account_rep else None,
        account_rep,
        overdue=bool(more.get("overdue")),
        expedites=more.get("expedites", 0),
        at_risk=bool(more.get("at_risk")),
        follow_up=bool(more.get("follow_up")),
    )


def orders_of(rep: str | None, count: int) -> list[OpenOrder]:
    return [order(f"SO-{rep}-{number}", rep) for number in range(count)]


def senior(rep_id: str) -> Rep:
    return Rep(rep_id, SENIOR, registered=True)


def entry(rep_id: str) -> Rep:
    return Rep(rep_id, ENTRY, registered=True)


def left(rep_id: str) -> Rep:
    return Rep(rep_id, SENIOR, registered=False)


def told(moves: Sequence[Move]) -> list[tuple[str, str | None, str]]:
    return [(move.order_id, move.from_rep_id, move.to_rep_id) for move in moves]


def orders_after(balanced: Balanced) -> dict[str, int]:
    return {total.rep_id: total.orders_after for total in balanced.totals}


def test_of_two_equal_reps_each_gets_half() -> None:
    balanced = balance(orders_of("a", 6), [senior("a"), senior("b")], WEIGHTS)

    assert orders_after(balanced) == {"a": 3, "b": 3}


def test_each_move_says_why_and_what_it_does_to_both_loads() -> None:
    (move,) = balance([order("SO-1", "a", overdue=1), *orders_of("a", 3)], [senior("a"), senior("b")], WEIGHTS).moves

    assert move == Move(
        "SO-1", None, "a", "b", Decimal("4.00"), "overdue: a carries 7.00, b only 0.00",
        Decimal("7.00"), Decimal("3.00"), Decimal("0.00"), Decimal("4.00"),
    )  # fmt: skip


def test_overdue_orders_and_open_expedites_count_most() -> None:
    assert weight_of(order("SO-1", "a"), WEIGHTS) == 1
    assert weight_of(order("SO-1", "a", overdue=1, expedites=2, follow_up=1), WEIGHTS) == 11
    assert weight_of(order("SO-1", "a", at_risk=1), WEIGHTS) == 2


def test_an_entry_rep_gets_less() -> None:
    balanced = balance(orders_of(None, 9), [senior("a"), entry("b")], WEIGHTS)

    assert orders_after(balanced) == {"a": 6, "b": 3}


def test_an_order_stays_with_the_rep_of_its_account_unless_told_otherwise() -> None:
    orders = [order(f"SO-{number}", "a", account_rep="a") for number in range(6)]

    assert balance(orders, [senior("a"), senior("b")], WEIGHTS).moves == []
    assert len(balance(orders, [senior("a"), senior("b")], WEIGHTS, keep_accounts=False).moves) == 3


def test_nobody_gives_so_much_that_the_giver_has_least() -> None:
    """a has 20 with one heavy order: without it, a would have nothing, and b 15."""
    heavy = order("SO-1", "a", overdue=1, expedites=2)
    others = [order(f"SO-b{number}", "b", account_rep="b") for number in range(5)]
    busy = [order(f"SO-c{number}", "c", account_rep="c") for number in range(10)]

    assert balance([heavy, *others, *busy], [entry("a"), senior("b"), entry("c")], WEIGHTS).moves == []


def test_a_rep_who_left_gives_everything_away_to_the_account_rep_or_to_who_carries_least() -> None:
    orders = [order("SO-1", "gone", account_rep="a"), order("SO-2", "gone", account_rep="gone"), *orders_of("a", 1)]

    balanced = balance(orders, [senior("a"), senior("b"), left("gone")], WEIGHTS)

    assert told(balanced.moves) == [("SO-1", "gone", "a"), ("SO-2", "gone", "b")]
    assert [move.why for move in balanced.moves] == [
        "gone has left, and a has the account",
        "gone has left, and b carries least with it",
    ]
    assert orders_after(balanced) == {"a": 2, "b": 1, "gone": 0}


def test_what_nobody_holds_is_given_to_somebody() -> None:
    (move,) = balance([order("SO-1", None)], [senior("a")], WEIGHTS).moves

    assert (move.from_rep_id, move.to_rep_id, move.from_load_before) == (None, "a", None)


def test_orders_of_a_rep_nobody_knows_stay() -> None:
    assert balance(orders_of("stranger", 5), [senior("a"), senior("b")], WEIGHTS).moves == []


def test_without_a_registered_rep_nothing_moves() -> None:
    assert balance(orders_of("gone", 5), [left("gone")], WEIGHTS).moves == []


@pytest.mark.parametrize("limit", [0, 1, 4])
def test_no_more_moves_than_asked_for_and_those_of_who_left_first(limit: int) -> None:
    orders = [*orders_of("a", 9), *orders_of("gone", 2)]
    reps = [senior("a"), senior("b"), left("gone")]

    moves = balance(orders, reps, WEIGHTS, limit=limit).moves

    assert moves == balance(orders, reps, WEIGHTS).moves[:limit]
    assert {move.from_rep_id for move in moves[:2]} <= {"gone"}


def test_the_function_reads_nothing() -> None:
    tree = ast.parse(Path(balancing.__file__).read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"collections", "collections.abc", "dataclasses", "decimal", "fractions", "typing"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]


# -- for any desk --------------------------------------------------------------------------------------------

REP_IDS = ("a", "b", "c", "d", "e")
reps = st.lists(
    st.builds(
        Rep,
        st.sampled_from(REP_IDS),
        st.sampled_from([SENIOR, ENTRY, Decimal("0.3")]),
        registered=st.sampled_from([True, True, True, False]),
        takes_work=st.sampled_from([True, True, True, False]),
    ),
    unique_by=lambda rep: rep.rep_id,
)
holders = st.sampled_from([*REP_IDS, "stranger", None])
orders = st.lists(
    st.builds(
        OpenOrder,
        st.integers(0, 60).map("SO-{}".format),
        holders,
        st.just("ACME"),
        holders,
        overdue=st.booleans(),
        expedites=st.integers(0, 2),
        at_risk=st.booleans(),
        follow_up=st.booleans(),
    ),
    unique_by=lambda order: order.order_id,
    max_size=25,
)
weights = st.builds(Weights, *[st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1), Decimal(3)])] * 5)


def loads(orders: Sequence[OpenOrder], reps: Sequence[Rep], weights: Weights) -> dict[str, Fraction]:
    """The loads of registered reps, counted once more."""
    carried: defaultdict[str | None, Fraction] = defaultdict(Fraction)
    for each in orders:
        carried[each.rep_id] += weight_of(each, weights)
    return {rep.rep_id: carried[rep.rep_id] / Fraction(rep.share) for rep in reps if rep.registered}


def moved(orders: Sequence[OpenOrder], moves: Sequence[Move]) -> list[OpenOrder]:
    receivers = {move.order_id: move.to_rep_id for move in moves}
    return [order._replace(rep_id=receivers.get(order.order_id, order.rep_id)) for order in orders]


@given(orders, reps, weights, st.booleans())
def test_it_moves_only_what_helps_and_never_makes_the_spread_larger(
    orders: list[OpenOrder], reps: list[Rep], weights: Weights, keep: bool
) -> None:
    result = balance(orders, reps, weights, keep_accounts=keep)
    registered = {rep.rep_id for rep in reps if rep.registered}
    takers = {rep.rep_id for rep in reps if rep.registered and rep.takes_work}
    for number, move in enumerate(result.moves):
        before = loads(moved(orders, result.moves[:number]), reps, weights)
        after = loads(moved(orders, result.moves[: number + 1]), reps, weights)
        giver, taker = move.from_rep_id, move.to_rep_id
        assert taker in takers
        if giver in registered and giver is not None:
            assert max(after[giver], after[taker]) < max(before[giver], before[taker])
            assert max(after.values()) - min(after.values()) <= max(before.values()) - min(before.values())


@given(orders, reps, weights, st.booleans(), st.randoms())
def test_the_sequence_of_orders_and_reps_does_not_matter(
    orders: list[OpenOrder], reps: list[Rep], weights: Weights, keep: bool, random: Random
) -> None:
    expected = balance(orders, reps, weights, keep_accounts=keep)
    random.shuffle(orders)
    random.shuffle(reps)
    assert balance(orders, reps, weights, keep_accounts=keep) == expected


@given(orders, reps, weights, st.booleans())
def test_each_order_moves_at_most_once_and_nothing_is_left_with_who_left(
    orders: list[OpenOrder], reps: list[Rep], weights: Weights, keep: bool
) -> None:
    result = balance(orders, reps, weights, keep_accounts=keep)
    ids = [move.order_id for move in result.moves]
    assert len(set(ids)) == len(ids)
    gone = {rep.rep_id for rep in reps if not rep.registered}
    if any(rep.registered and rep.takes_work for rep in reps):
        assert not [order for order in moved(orders, result.moves) if order.rep_id in gone or order.rep_id is None]


@given(orders, reps, weights, st.booleans())
def test_the_totals_are_those_of_the_moves_and_balancing_again_moves_no_more_of_who_left(
    orders: list[OpenOrder], reps: list[Rep], weights: Weights, keep: bool
) -> None:
    result = balance(orders, reps, weights, keep_accounts=keep)
    after = loads(moved(orders, result.moves), reps, weights)
    for total in result.totals:
        if total.registered:
            assert abs(Fraction(total.load_after) - after[total.rep_id]) <= Fraction(1, 200)
    kept = [order for order in moved(orders, result.moves) if keep and order.rep_id == order.account_rep_id]
    again = balance(moved(orders, result.moves), reps, weights, keep_accounts=keep)
    assert not {move.order_id for move in again.moves} & {order.order_id for order in kept}
