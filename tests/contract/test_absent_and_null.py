"""What must be there, what may be absent, and what null means."""

from typing import Any

import msgspec
import pytest

from consumers.contract import CATALOGUE
from tests.contract.scenario import given, value_in

CHANGES = ["shipment.rebooked.v1", "rep.changed.v1"]

REQUIRED = {
    "order.placed.v1": ["segment", "channel", "currency", "lines", "promised_by"],
    "order.amended.v1": ["lines"],
    "order.reassigned.v1": ["rep_id"],
    "order.rescheduled.v1": ["promised_by", "reason"],
    "order.cancelled.v1": ["reason"],
    "expedite.requested.v1": ["request_id", "needed_by", "reason"],
    "expedite.granted.v1": ["request_id", "promised_by"],
    "expedite.declined.v1": ["request_id", "reason"],
    "customer.informed.v1": ["about"],
    "shipment.booked.v1": ["shipment_id", "mode", "carrier"],
    "shipment.rebooked.v1": ["shipment_id"],
    "shipment.dispatched.v1": ["shipment_id"],
    "shipment.delayed.v1": ["shipment_id"],
    "shipment.cancelled.v1": ["shipment_id", "reason"],
    "delivery.attempted.v1": ["shipment_id"],
    "delivery.confirmed.v1": ["shipment_id"],
    "message.voided.v1": ["source", "id", "reason"],
    "customer.contacted.v1": ["direction", "about", "rep_id"],
    "rep.registered.v1": ["name", "level"],
    "rep.changed.v1": [],
    "rep.quota_set.v1": ["month", "currency"],
    "rep.pay_plan_set.v1": ["month", "base", "currency", "commission_percent"],
    "account.registered.v1": ["name", "segment"],
    "account.assigned.v1": ["rep_id"],
    "standing_order.established.v1": [
        "account_id",
        "rep_id",
        "segment",
        "currency",
        "lines",
        "every",
        "first_on",
        "lead_days",
    ],
    "standing_order.stopped.v1": ["reason"],
    "delivery.returned.v1": ["shipment_id", "reason"],
    "order.reinstated.v1": ["reason"],
    "rep.left.v1": [],
    "parcel.dispatched.v1": [],
    "parcel.delayed.v1": [],
    "parcel.attempted.v1": [],
    "parcel.delivered.v1": [],
}

OPTIONAL = {
    "order.placed.v1": ["account_id", "rep_id", "standing_order_id", "reference"],
    "order.amended.v1": ["reason"],
    "order.reassigned.v1": ["reason"],
    "expedite.requested.v1": ["requested_by"],
    "expedite.granted.v1": ["surcharge"],
    "customer.informed.v1": ["request_id", "channel", "note"],
    "shipment.booked.v1": [
        "service_level",
        "lines",
        "pickup_at",
        "estimated_delivery",
        "cost",
        "tracking_number",
        "parcels",
    ],
    "shipment.rebooked.v1": ["reason"],
    "shipment.delayed.v1": ["estimated_delivery", "reason"],
    "delivery.attempted.v1": ["reason"],
    "delivery.confirmed.v1": ["parcel", "lines", "signed_by"],
    "customer.contacted.v1": ["note"],
    "rep.registered.v1": ["team", "mentor_id"],
    "rep.pay_plan_set.v1": ["quota_bonus", "new_account_bonus"],
    "account.registered.v1": ["rep_id", "tier", "time_zone"],
    "delivery.returned.v1": ["lines"],
    "order.reinstated.v1": ["promised_by"],
    "rep.left.v1": ["reason"],
    "standing_order.established.v1": ["until"],
    "parcel.dispatched.v1": ["carrier"],
    "parcel.delayed.v1": ["carrier", "estimated_delivery", "reason"],
    "parcel.attempted.v1": ["carrier", "reason"],
    "parcel.delivered.v1": ["carrier", "signed_by"],
}

KEPT = {
    "shipment.rebooked.v1": [
        "carrier",
        "mode",
        "service_level",
        "estimated_delivery",
        "cost",
        "tracking_number",
        "parcels",
    ],
    "rep.changed.v1": ["name", "level", "team", "mentor_id"],
}
CLEARED = {
    "shipment.rebooked.v1": ["service_level", "estimated_delivery", "cost", "tracking_number", "parcels"],
    "rep.changed.v1": ["team", "mentor_id"],
}
WITH_A_MEANING_OF_THEIR_OWN = {
    "rep.quota_set.v1": ["target_amount", "growth_percent"],
    "shipment.rebooked.v1": ["lines"],
    "delivery.returned.v1": ["replace"],
}

each_required = pytest.mark.parametrize(
    ("message_type", "name"), [(message_type, name) for message_type, names in REQUIRED.items() for name in names]
)
each_optional = pytest.mark.parametrize(
    ("message_type", "name"), [(message_type, name) for message_type, names in OPTIONAL.items() for name in names]
)
each_kept = pytest.mark.parametrize(
    ("message_type", "name"), [(message_type, name) for message_type, names in KEPT.items() for name in names]
)


def test_these_lists_know_every_field_of_the_contract() -> None:
    for message_type, row in CATALOGUE.items():
        listed = REQUIRED[message_type] + OPTIONAL.get(message_type, []) + KEPT.get(message_type, [])
        listed += WITH_A_MEANING_OF_THEIR_OWN.get(message_type, [])
        assert sorted(listed) == sorted(name for name, _ in row.fields)


@each_required
def test_a_required_field_must_be_given(message_type: str, name: str) -> None:
    given(message_type).without(f"data.{name}").when_read().malformed(f"data.{name}: must be given, but is missing")


@each_required
def test_null_is_no_value_for_a_required_field(message_type: str, name: str) -> None:
    given(message_type).with_(f"data.{name}", None).when_read().malformed(f"data.{name}: must be ", "but is null")


@each_optional
def test_null_is_the_same_as_absent_for_an_optional_field(message_type: str, name: str) -> None:
    absent = given(message_type).without(f"data.{name}").when_read().fact()
    null = given(message_type).with_(f"data.{name}", None).when_read().fact()

    assert value_in(absent, f"data.{name}") is None
    assert null == absent


@each_kept
def test_an_absent_field_of_a_change_stays_as_it_is(message_type: str, name: str) -> None:
    other = "level" if name == "name" else "name"
    message = (
        given(message_type)
        if message_type != "rep.changed.v1"
        else given(message_type).with_(f"data.{other}", "senior")
    )

    assert value_in(message.without(f"data.{name}").when_read().fact(), f"data.{name}") is msgspec.UNSET


@each_kept
def test_null_clears_what_a_shipment_or_rep_may_do_without(message_type: str, name: str) -> None:
    path = f"data.{name}"
    then = given(message_type).with_(path, None).when_read()

    if name in CLEARED[message_type]:
        assert value_in(then.fact(), path) is None
    else:
        then.malformed(f"{path}: must be ", "but is null")


def test_a_shipment_always_carries_something_so_null_for_its_lines_says_nothing() -> None:
    rebooked = given("shipment.rebooked.v1")

    assert rebooked.when_read().fact().lines is msgspec.UNSET
    assert rebooked.with_("data.lines", None).when_read().fact().lines is msgspec.UNSET


@pytest.mark.parametrize("said", [None, False])
def test_a_return_is_not_to_be_replaced_unless_it_says_so(said: bool | None) -> None:
    returned = given("delivery.returned.v1")

    assert returned.when_read().fact().replace is True
    assert returned.without("data.replace").when_read().fact().replace is False
    assert returned.with_("data.replace", said).when_read().fact().replace is False
    returned.with_("data.replace", "yes").when_read().malformed('data.replace: must be true or false, but is "yes"')


@pytest.mark.parametrize("message_type", ["shipment.booked.v1", "shipment.rebooked.v1"])
def test_parcels_are_named_once_each_and_none_is_none(message_type: str) -> None:
    message = given(message_type)

    assert message.with_("data.parcels", ["P-1", "P-2", "P-1"]).when_read().fact().parcels == ("P-1", "P-2")
    assert message.with_("data.parcels", []).when_read().fact().parcels is None
    message.with_("data.parcels", ["P-1", ""]).when_read().malformed("data.parcels[1]: must have 1 to 200 characters")
    message.with_("data.parcels", "P-1").when_read().malformed('data.parcels: must be a list, but is "P-1"')


def test_a_change_of_a_rep_changes_something() -> None:
    rule = "data: must have at least one of name, level, team and mentor_id"

    given("rep.changed.v1").with_("data", {}).when_read().malformed(rule)
    given("rep.changed.v1").with_("data", {"nickname": "Rob"}).when_read().malformed(rule)
    for name, value in (("name", "Robin"), ("level", "senior"), ("team", None), ("mentor_id", None)):
        assert given("rep.changed.v1").with_("data", {name: value}).when_read().well_formed()


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_unknown_fields_are_ignored(message_type: str) -> None:
    message = given(message_type)
    richer = (
        message.with_("data.unheard_of", {"deep": [1, None, "\x07"]}).with_("partitionkey", 7).with_("sequence", None)
    )

    assert richer.when_read().fact() == message.when_read().fact()
    assert richer.when_read().well_formed().ignored == ("unheard_of",)
    assert message.when_read().well_formed().ignored == ()


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_the_data_is_an_object(message_type: str) -> None:
    no_object: list[Any] = [None, [], "{}", 1, True]
    for bad in no_object:
        given(message_type).with_("data", bad).when_read().malformed("data: must be an object, but is ")
    given(message_type).without("data").when_read().malformed("data: must be given, but is missing")
