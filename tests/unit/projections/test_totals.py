"""given orders of several reps, then each rep's load is the sum of what the orders' present rows contribute."""

from projections.order_states import rep_open_orders
from tests.unit.domain.facts import booked, cancelled, delivered, dispatched, expedite_requested, placed, reassigned
from tests.unit.projections.specification import Projecting, row


def test_orders_are_counted_by_the_rep_who_holds_them(projecting: Projecting) -> None:
    projecting.given(placed(8, rep="ann"), booked(9), of="SO-1").given(
        placed(8, rep="bob", segment="b2c"), expedite_requested(9), of="SO-2"
    ).given(placed(8, rep="ann"), booked(9), dispatched(10), of="SO-3").then(
        rep_open_orders,
        row(rep_id="ann", open_orders=2, booked=1, in_transit=1, to_book=0, open_b2b=2, expedites_open=0),
        row(rep_id="bob", open_orders=1, booked=0, to_book=1, open_b2c=1, open_b2b=0, expedites_open=1),
    )


def test_an_order_that_moves_takes_its_load_along(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep="ann"), expedite_requested(9))
    told.then(rep_open_orders, row(rep_id="ann", open_orders=1, expedites_open=1))
    told.given(reassigned(10, rep="bob")).then(rep_open_orders, row(rep_id="bob", open_orders=1, expedites_open=1))


def test_a_closed_order_is_nobodys_load(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(15), of="SO-1").given(placed(8), cancelled(9), of="SO-2").then(
        rep_open_orders
    )


def test_what_nobody_holds_counts_on_a_desk_of_its_own(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep=None, promised_by=12), of="SO-1").given(placed(8, rep="ann"), of="SO-2")
    told.then(rep_open_orders, row(rep_id="", open_orders=1), row(rep_id="ann", open_orders=1))
    told.seen(
        "workload",
        13,
        row(rep_id=None, name=None, open_orders=1, to_book=1, overdue=1),
        row(rep_id="ann", open_orders=1, overdue=0),
    )
    told.seen("overdue", 13, row(order_id="SO-1", rep_id=None))
    told.given(reassigned(14, rep="ann"), of="SO-1").then(rep_open_orders, row(rep_id="ann", open_orders=2))


def test_the_busiest_rep_is_first_and_equals_are_in_natural_order(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep="rep-10"), of="SO-0")
    for number, rep in enumerate(("rep-2", "rep-1", "rep-1"), 1):
        told = told.given(placed(8, rep=rep), of=f"SO-{number}")
    told.seen("workload", 9, row(rep_id="rep-1", open_orders=2), row(rep_id="rep-2"), row(rep_id="rep-10"))


def test_follow_ups_are_work_too(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep="bob", promised_by=10), of="SO-1").given(placed(8, rep="ann"), of="SO-2")
    # then after the promise the customer of bob's order is to be told
    told.seen("workload", 9, row(rep_id="ann"), row(rep_id="bob"))
    told.seen("workload", 11, row(rep_id="bob", follow_ups_owed=1), row(rep_id="ann", follow_ups_owed=0))
