"""given open orders whose promise has passed, then they are overdue, with what a rep needs to know of each."""

from decimal import Decimal

from tests.unit.domain.facts import (
    attempted,
    booked,
    cancelled,
    delayed,
    delivered,
    dispatched,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    reinstated,
    rescheduled,
    returned,
    shipment_cancelled,
)
from tests.unit.projections.specification import Projecting, row


def test_an_open_order_is_overdue_once_its_promise_has_passed(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10}, promised_by=17, segment="b2c"), reassigned(9, "bob"), booked(10))
    told.seen("overdue", 17)
    told.seen(
        "overdue",
        18.5,
        row(
            order_id="SO-1",
            rep_id="bob",
            account_id="ALFKI",
            segment="b2c",
            placed_at=8,
            promised_by=17,
            original_promised_by=17,
            hours_overdue=Decimal("1.50"),
            stage="booked",
            carrier="DHL",
            mode="courier",
            estimated_delivery=16,
            expedite="none",
            follow_up_owed=True,
            delivery_attempts=0,
            open_value=Decimal(50),
            currency="USD",
            untaken_messages=0,
        ),
    )


def test_the_promise_in_force_at_the_asked_instant_counts(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=12), rescheduled(13, promised_by=17))
    told.seen("overdue", 12.5, row(promised_by=12, original_promised_by=12)).seen("overdue", 14)
    told.seen("overdue", 18, row(promised_by=17, original_promised_by=12, hours_overdue=1))


def test_a_closed_order_is_not_overdue_unless_it_is_opened_again(projecting: Projecting) -> None:
    told = projecting.given(placed(8), cancelled(18), reinstated(20), of="SO-1").given(
        placed(8), booked(9), delivered(18), returned(21, replace=True), of="SO-2"
    )
    told.seen("overdue", 17.5, row(order_id="SO-1"), row(order_id="SO-2")).seen("overdue", 18)
    told.seen("overdue", 20, row(order_id="SO-1")).seen("overdue", 21, row(order_id="SO-1"), row(order_id="SO-2"))


def test_the_longest_overdue_comes_first(projecting: Projecting) -> None:
    projecting.given(placed(8, promised_by=12), of="SO-2").given(placed(8, promised_by=11), of="SO-9").given(
        placed(8, promised_by=12), of="SO-1"
    ).seen("overdue", 13, row(order_id="SO-9"), row(order_id="SO-1"), row(order_id="SO-2"))


def test_the_stage_says_how_far_it_is(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=8.5),
        booked(9, "S-1", {1: 4}),
        booked(9.5, "S-2"),
        dispatched(10, "S-2"),
        shipment_cancelled(11, "S-2"),
        delivered(12, "S-1", {1: 1}),
        shipment_cancelled(13, "S-1"),
        returned(14, "S-1", replace=True),
    )
    told.seen("overdue", 8.75, row(stage="to_book")).seen("overdue", 9, row(stage="booked"))
    told.seen("overdue", 10, row(stage="in_transit")).seen("overdue", 11, row(stage="booked"))
    told.seen("overdue", 12, row(stage="partly_delivered")).seen("overdue", 13, row(stage="partly_delivered"))
    told.seen("overdue", 14, row(stage="to_book"))


def test_the_live_shipment_with_the_latest_estimate_speaks_and_before_all_one_without(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=8.5),
        booked(9, "S-3", {1: 1}, carrier="three", estimate=16),
        booked(9, "S-1", {1: 1}, carrier="one", estimate=18),
        booked(10, "S-2", {1: 1}, carrier="two", mode="in_house", estimate=18),
        delayed(11, "S-3", estimate=None),
        booked(12, "S-4", {1: 1}, carrier="four", mode="pickup", estimate=None),
        shipment_cancelled(13, "S-4"),
        delivered(14, "S-3"),
    )
    told.seen("overdue", 9, row(carrier="one", estimated_delivery=18))
    told.seen("overdue", 10, row(carrier="two", mode="in_house", estimated_delivery=18))
    told.seen("overdue", 11, row(carrier="three", mode="courier", estimated_delivery=None))
    told.seen("overdue", 12, row(carrier="four", mode="pickup", estimated_delivery=None))
    told.seen("overdue", 13, row(carrier="three", estimated_delivery=None))
    told.seen("overdue", 14, row(carrier="two", estimated_delivery=18))


def test_expedite_is_requested_while_any_request_is_undecided_else_the_latest_decision(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=8.5),
        expedite_requested(9, "R-1"),
        expedite_requested(9.5, "R-2"),
        expedite_granted(10, "R-1", promised_by=8.25),
        expedite_declined(11, "R-2"),
    )
    told.seen("overdue", 8.75, row(expedite="none")).seen("overdue", 9, row(expedite="requested"))
    told.seen("overdue", 10, row(expedite="requested", promised_by=8.25)).seen("overdue", 11, row(expedite="declined"))


def test_attempts_that_applied_are_counted(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), attempted(10), shipment_cancelled(11), attempted(12))
    told.seen("overdue", 18, row(delivery_attempts=1))


def test_the_open_value_leaves_out_what_was_delivered_charges_and_surcharges(projecting: Projecting) -> None:
    projecting.given(
        placed(8, {1: 10, 2: 2}, prices={2: "1.25"}, charges={3: 30}),
        expedite_requested(8.5),
        expedite_granted(8.75, promised_by=17, surcharge=9),
        booked(9),
        delivered(10, lines={1: 12, 2: 1}),
    ).seen("overdue", 18, row(open_value=Decimal("1.25"), stage="partly_delivered"))
