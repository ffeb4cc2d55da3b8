"""given what happened to an order, then `shipments` has a row for each shipment of it and what became of that."""

from decimal import Decimal

import msgspec

from tests.unit.domain.facts import (
    amended,
    attempted,
    booked,
    cancelled,
    delayed,
    delivered,
    dispatched,
    placed,
    rebooked,
    reinstated,
    returned,
    shipment_cancelled,
)
from tests.unit.projections.specification import Projecting, row


def test_a_shipment_has_what_its_booking_says(projecting: Projecting) -> None:
    projecting.given(
        placed(8, currency="EUR"),
        booked(9, "S-1", {1: 4}, carrier="DHL", mode="courier", estimate=16, cost="12.50", tracking="1Z"),
        booked(10, "S-2", carrier="the customer", mode="pickup", estimate=None),
    ).seen(
        "shipments",
        11,
        row(
            order_id="SO-1",
            shipment_id="S-1",
            mode="courier",
            carrier="DHL",
            tracking_number="1Z",
            booked_at=9,
            dispatched_at=None,
            estimated_delivery=16,
            original_estimate=16,
            delivered_at=None,
            cancelled_at=None,
            attempts=0,
            parcels=0,
            parcels_delivered=0,
            cost=Decimal("12.50"),
            currency="EUR",
            signed_by=None,
        ),
        row(
            shipment_id="S-2",
            mode="pickup",
            carrier="the customer",
            service_level=None,
            tracking_number=None,
            booked_at=10,
            estimated_delivery=None,
            original_estimate=None,
            cost=None,
            currency="EUR",
        ),
    )


def test_a_rebooking_changes_the_row_and_leaves_the_original_estimate(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8),
        booked(9, carrier="DHL", mode="courier", estimate=16, cost=12, tracking="1Z"),
        rebooked(10, carrier="our van", mode="in_house", estimate=14, cost=None, tracking=None, parcels=("P-1",)),
    )
    told.seen("shipments", 9, row(carrier="DHL", estimated_delivery=16, original_estimate=16, parcels=0))
    told.seen(
        "shipments",
        10,
        row(
            booked_at=9,
            carrier="our van",
            mode="in_house",
            estimated_delivery=14,
            original_estimate=16,
            cost=None,
            tracking_number=None,
            parcels=1,
        ),
    )


def test_the_service_level_is_that_of_the_latest_booking(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8),
        msgspec.structs.replace(booked(9), service_level="standard"),
        msgspec.structs.replace(rebooked(10), service_level="express"),
    )
    told.seen("shipments", 9, row(service_level="standard")).seen("shipments", 10, row(service_level="express"))


def test_a_delay_moves_the_estimate_or_takes_it_away(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9, estimate=16), delayed(10, estimate=20), delayed(11, estimate=None))
    told.seen("shipments", 10, row(estimated_delivery=20, original_estimate=16))
    told.seen("shipments", 11, row(estimated_delivery=None, original_estimate=16))


def test_dispatch_and_attempts_are_told(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8), booked(9, "S-1", {1: 4}), booked(9, "S-2"), dispatched(10, "S-1"), attempted(11, "S-1")
    ).given(attempted(12, "S-1"))
    told.seen(
        "shipments", 10, row(dispatched_at=10, attempts=0), row(shipment_id="S-2", dispatched_at=None, attempts=0)
    )
    told.seen("shipments", 12, row(dispatched_at=10, attempts=2), row(shipment_id="S-2", attempts=0))


def test_a_shipment_is_delivered_once_that_is_so_wholly(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(10, lines={1: 4}), delivered(11))
    told.seen("shipments", 10, row(delivered_at=None)).seen("shipments", 11, row(delivered_at=11))


def test_what_comes_back_leaves_the_shipment_delivered(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(10), returned(11, replace=True)).seen(
        "shipments", 11, row(delivered_at=10, cancelled_at=None)
    )


def test_a_rebooking_to_what_was_delivered_makes_it_delivered_at_its_last_confirmation(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(10, lines={1: 4}), rebooked(11, lines={1: 4}))
    told.seen("shipments", 10, row(delivered_at=None)).seen("shipments", 11, row(delivered_at=10))


def test_a_cancelled_shipment_is_cancelled_until_it_is_found(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), shipment_cancelled(10), delivered(12, lines={1: 4}))
    told.seen("shipments", 9, row(cancelled_at=None)).seen("shipments", 10, row(cancelled_at=10))
    told.seen("shipments", 12, row(cancelled_at=None, delivered_at=None))


def test_the_live_shipments_of_a_cancelled_order_are_cancelled_with_it_for_good(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8), booked(9, "S-1"), shipment_cancelled(10, "S-1"), booked(11, "S-2"), cancelled(12), reinstated(13)
    )
    told.seen("shipments", 12, row(shipment_id="S-1", cancelled_at=10), row(shipment_id="S-2", cancelled_at=12))
    told.seen("shipments", 13, row(cancelled_at=10), row(cancelled_at=12))


def test_cancelling_a_rest_ends_the_live_shipments_and_leaves_the_delivered_ones(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9, "S-1", {1: 4}), booked(9, "S-2"), delivered(10, "S-1"), cancelled(11)).seen(
        "shipments", 11, row(delivered_at=10, cancelled_at=None), row(delivered_at=None, cancelled_at=11)
    )


def test_an_amendment_ends_no_shipment(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), amended(10, {1: 4})).seen(
        "shipments", 10, row(cancelled_at=None, delivered_at=None)
    )


def test_parcels_are_counted_and_those_delivered(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8), booked(9, parcels=("P-1", "P-2", "P-3")), delivered(10, parcel="P-2"), delivered(11, parcel="P-1")
    ).given(delivered(12, parcel="P-3"))
    told.seen("shipments", 9, row(parcels=3, parcels_delivered=0))
    told.seen("shipments", 10, row(parcels=3, parcels_delivered=1, delivered_at=None))
    told.seen("shipments", 12, row(parcels=3, parcels_delivered=3, delivered_at=12))


def test_all_parcels_of_a_wholly_delivered_shipment_count_as_delivered(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9, parcels=("P-1", "P-2")), delivered(10)).seen(
        "shipments", 10, row(parcels=2, parcels_delivered=2)
    )


def test_the_latest_signature_is_told_and_one_without_a_name_leaves_it(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8),
        booked(9),
        delivered(10, lines={1: 1}, signed_by="M. Anders"),
        delivered(11, lines={1: 1}, signed_by="H. Moos"),
        delivered(12, lines={1: 1}, signed_by=None),
    )
    told.seen("shipments", 10, row(signed_by="M. Anders")).seen("shipments", 11, row(signed_by="H. Moos"))
    told.seen("shipments", 12, row(signed_by="H. Moos"))


def test_as_of_an_instant_the_shipments_are_those_of_then_also_when_heard_late(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(12))
    told.seen("shipments", 8.5).seen("shipments", 11, row(dispatched_at=None))
    told.given(dispatched(10)).seen("shipments", 9, row(dispatched_at=None)).seen(
        "shipments", 11, row(dispatched_at=10)
    )
