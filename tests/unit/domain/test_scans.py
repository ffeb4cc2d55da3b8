"""What a carrier says about a tracking number is always taken."""

from tests.unit.domain.facts import parcel_attempted, parcel_delayed, parcel_delivered, parcel_dispatched
from tests.unit.domain.specification import given


def test_each_scan_applies_whatever_came_before() -> None:
    given().when(parcel_delivered(12)).then_applied()
    given(parcel_delivered(12)).when(parcel_dispatched(13)).then_applied()
    given(parcel_delivered(12)).when(parcel_delivered(14)).then_applied()


def test_a_parcel_is_as_its_carrier_described_it_last() -> None:
    given(
        parcel_dispatched(8, "Speedy Express"),
        parcel_delayed(9, until=15, reason="snow"),
        parcel_attempted(10),
    ).when(parcel_delivered(11, signed_by="M. Anders")).summary(
        tracking_number="1Z999AA1", carrier="Speedy Express", latest="delivered", messages=4
    )


def test_the_same_scan_said_again_under_another_id_is_a_duplicate() -> None:
    given(parcel_dispatched(8)).when(parcel_dispatched(8)).then_duplicate("said the same").summary(messages=1)
