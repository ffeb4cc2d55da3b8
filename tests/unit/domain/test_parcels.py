"""Shipments of several parcels, which arrive one by one."""

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import amended, booked, delivered, placed, rebooked, returned, shipment_cancelled
from tests.unit.domain.specification import given

TWO_PARCELS = (placed(8, {1: 10, 2: 4}), booked(9, parcels=("P-1", "P-2")))


def test_the_last_parcel_delivers_the_rest() -> None:
    noted = given(*TWO_PARCELS).when(delivered(10, parcel="P-1")).then_applied()
    noted.summary(stage="booked", last_delivered_at=None).shipment(
        "S-1", parcels=("P-1", "P-2"), parcels_delivered=1, signed_by="M. Anders", delivered_at=None
    )
    noted.when(delivered(11, parcel="P-2")).then_applied().summary(status="delivered", delivered_at=11).shipment(
        "S-1", parcels_delivered=2, delivered_at=11
    )


def test_the_parcels_arrive_in_any_order() -> None:
    given(*TWO_PARCELS, delivered(10, parcel="P-2"), delivered(11, parcel="P-1")).summary(
        status="delivered", delivered_at=11
    )


def test_an_earlier_parcel_delivers_the_lines_that_it_names() -> None:
    given(*TWO_PARCELS).when(delivered(10, lines={1: 6}, parcel="P-1")).then_applied().line(
        1, delivered=6, booked=4
    ).line(2, delivered=0).when(delivered(11, parcel="P-2")).then_applied().line(1, delivered=10).line(2, delivered=4)


def test_the_last_parcel_delivers_whatever_more_it_names() -> None:
    given(*TWO_PARCELS, delivered(10, lines={1: 6}, parcel="P-1")).when(
        delivered(11, lines={1: 5}, parcel="P-2")
    ).then_applied().line(1, delivered=11, over_delivered=1).line(2, delivered=4)
    given(*TWO_PARCELS, delivered(10, lines={1: 6}, parcel="P-1")).when(
        delivered(11, lines={1: 1}, parcel="P-2")
    ).then_applied().line(1, delivered=10, over_delivered=0)


def test_a_confirmation_without_a_parcel_and_without_lines_delivers_the_rest_of_them() -> None:
    given(*TWO_PARCELS).when(delivered(10)).then_applied().shipment("S-1", parcels_delivered=2, delivered_at=10)


def test_lines_without_a_parcel_confirm_no_parcel_until_they_make_the_shipment_whole() -> None:
    part = given(*TWO_PARCELS).when(delivered(10, lines={1: 10})).then_applied().shipment("S-1", parcels_delivered=0)
    part.when(delivered(11, lines={2: 4})).then_applied().shipment("S-1", parcels_delivered=2, delivered_at=11)


def test_a_parcel_that_is_not_on_the_shipment_is_refused() -> None:
    given(*TWO_PARCELS).when(delivered(10, parcel="P-9")).then_refused("parcel P-9 is not on shipment S-1")
    given(placed(8), booked(9)).when(delivered(10, parcel="P-1")).then_refused("parcel P-1 is not on shipment S-1")


def test_a_parcel_confirmed_again_at_the_same_time_is_already_so() -> None:
    once = given(*TWO_PARCELS, delivered(10, lines={1: 6}, parcel="P-1"))
    for lines in (None, {1: 6}):
        once.when(delivered(10, lines=lines, parcel="P-1", message_id="z")).then_duplicate(
            "parcel P-1 of S-1 was confirmed before"
        )
    once.when(delivered(10, lines={1: 5}, parcel="P-1", message_id="z")).then_refused("parcel P-1 of S-1 was confirmed")


def test_a_parcel_confirmed_at_another_time_is_refused() -> None:
    given(*TWO_PARCELS, delivered(10, parcel="P-1")).when(delivered(11, parcel="P-1")).then_refused(
        "parcel P-1 of S-1 was confirmed before, at 2026-03-02T10:00:00+00:00"
    )


def test_all_parcels_of_a_wholly_delivered_shipment_count_as_confirmed() -> None:
    whole = given(*TWO_PARCELS, delivered(10, parcel="P-1"), delivered(11))
    whole.when(delivered(11, parcel="P-2", message_id="z")).then_duplicate()
    whole.when(delivered(12, parcel="P-2")).then_refused("was confirmed before, at 2026-03-02T11:00:00+00:00")
    whole.when(delivered(10, parcel="P-1", message_id="z", signed_by=None)).then_duplicate()


@pytest.mark.parametrize("parcels", [("P-1", "P-3"), ("P-1",), None])
def test_a_rebooking_may_name_other_parcels(parcels: tuple[str, ...] | None) -> None:
    given(*TWO_PARCELS, delivered(10, parcel="P-1")).when(rebooked(11, parcels=parcels)).then_applied().shipment(
        "S-1", parcels=parcels or (), parcels_delivered=min(1, len(parcels or ())), delivered_at=None
    )


def test_a_parcel_of_a_cancelled_shipment_that_arrives_ends_the_cancelling() -> None:
    given(*TWO_PARCELS, shipment_cancelled(10)).when(delivered(11, parcel="P-1")).then_applied().summary(
        stage="booked"
    ).shipment("S-1", cancelled_at=None, parcels_delivered=1)


# -- rebooking what a shipment carries -----------------------------------------------------------

PARTLY = (placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 8}), delivered(10, "S-1", {1: 5}))


@pytest.mark.parametrize(
    ("change", "line_1", "line_2"),
    [
        (rebooked(11, lines={1: 6}), 1, 0),
        (rebooked(11, lines={1: 10}), 5, 0),
        (rebooked(11, lines={1: 8, 2: 4}), 3, 4),
        (rebooked(11, lines={1: 5, 2: 1}), 0, 1),
    ],
)
def test_a_rebooking_may_change_what_a_shipment_carries(change: Fact, line_1: int, line_2: int) -> None:
    given(*PARTLY).when(change).then_applied().line(1, booked=line_1).line(2, booked=line_2)


def test_a_rebooking_holds_no_less_than_was_delivered() -> None:
    given(*PARTLY).when(rebooked(11, lines={1: 4})).then_refused(
        "line 1 of shipment S-1 would fall to 4, of which 5 were delivered"
    )
    given(*PARTLY).when(rebooked(11, lines={2: 4})).then_refused("line 1 of shipment S-1 would fall to 0")


def test_a_surplus_asks_a_rebooking_for_no_more_than_was_carried() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 5, 2: 4}), delivered(10, "S-1", {1: 7})).when(
        rebooked(11, lines={1: 5, 2: 2})
    ).then_applied().line(1, booked=0).line(2, booked=2)


def test_a_rebooking_holds_no_more_than_it_carried_and_what_is_left() -> None:
    given(*PARTLY).when(rebooked(11, lines={1: 11})).then_refused("line 1: 11 is more than the 10 left to book")
    given(*PARTLY).when(rebooked(11, lines={1: 8, 3: 1})).then_refused("line 3 does not exist on the order")


def test_what_is_left_is_never_below_0_when_more_is_carried_than_is_ordered_now() -> None:
    carried = given(placed(8, {1: 10}), booked(9), amended(10, {1: 6})).line(1, booked=10)
    carried.when(rebooked(11, lines={1: 10})).then_applied()
    carried.when(rebooked(11, lines={1: 11})).then_refused("line 1: 11 is more than the 10 left to book")


def test_a_rebooking_takes_no_charge_and_nothing_that_another_shipment_carries() -> None:
    given(placed(8, {1: 10}, charges={2: 5}), booked(9)).when(rebooked(10, lines={1: 10, 2: 1})).then_refused(
        "line 2 is a charge, which is never shipped"
    )
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 4}), booked(9, "S-2", {1: 5})).when(
        rebooked(10, "S-1", {1: 6})
    ).then_refused("line 1: 6 is more than the 5 left to book")


def test_a_rebooking_that_makes_the_shipment_whole_leaves_it_delivered_at_its_last_confirmation() -> None:
    whole = given(*PARTLY).when(rebooked(11, lines={1: 5})).then_applied()
    whole.shipment("S-1", delivered_at=10).summary(left_to_book=True, estimated_delivery=None)
    whole.when(delivered(12)).then_refused("shipment S-1 was confirmed before, at 2026-03-02T10:00:00+00:00")
    whole.when(rebooked(12, lines={1: 8})).then_refused("shipment S-1 was delivered in whole")
    whole.when(returned(12)).then_applied()


def test_what_a_rebooking_does_not_name_stays_and_null_clears() -> None:
    before = given(placed(8), booked(9, cost="12.50", tracking="1Z", estimate=16))
    before.when(rebooked(10, estimate=18)).shipment(
        "S-1", cost="12.50", tracking_number="1Z", estimated_delivery=18, original_estimate=16
    )
    before.when(rebooked(10, estimate=None, cost=None, tracking=None)).shipment(
        "S-1", cost=None, tracking_number=None, estimated_delivery=None
    )
