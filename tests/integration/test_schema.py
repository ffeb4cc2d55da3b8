"""given the schemas that `waybill schema` prints, then what a simulated floor sends fits them."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from tests.integration.command import Command

TYPES = (
    "order.placed",
    "order.amended",
    "order.reassigned",
    "order.rescheduled",
    "order.cancelled",
    "expedite.requested",
    "expedite.granted",
    "expedite.declined",
    "customer.informed",
    "shipment.booked",
    "shipment.rebooked",
    "shipment.dispatched",
    "shipment.delayed",
    "shipment.cancelled",
    "delivery.attempted",
    "delivery.confirmed",
    "message.voided",
    "customer.contacted",
    "rep.registered",
    "rep.changed",
    "rep.quota_set",
    "rep.pay_plan_set",
    "account.registered",
    "account.assigned",
)


def schema_of(waybill: Command, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = waybill("schema", f"{name}.v1").done().json
    return schema


def test_the_contract_is_an_asyncapi_document(waybill: Command) -> None:
    document = waybill("schema").done().json

    assert document["asyncapi"].startswith("3.")
    taken = {name for name, said in document["operations"].items() if said["action"] == "receive"}
    assert taken == {f"take_{topic}" for topic in ("orders", "expedites", "shipments", "deliveries", "people")}
    assert set(document["channels"]) > {"orders", "people", "waybill.events", "waybill.verdicts", "dead"}
    told = json.dumps(document)
    for name in TYPES:
        assert f"{name}.v1" in told


def test_every_message_of_a_simulated_floor_fits_its_schema(waybill: Command) -> None:
    arguments = ("--orders", "80", "--seed", "2", "--until", "2025-06-30T16:00:00Z")
    lines = waybill("simulate", *arguments).done().out.splitlines()
    messages = [json.loads(line) for line in lines]
    sent = {message["type"].removesuffix(".v1") for message in messages}
    validators = {}
    for name in sent:
        schema = schema_of(waybill, name)
        validator_for(schema, Draft202012Validator).check_schema(schema)
        validators[name] = validator_for(schema, Draft202012Validator)(schema)

    for message in messages:
        validators[message["type"].removesuffix(".v1")].validate(message)

    # and what lacks something, or says it wrongly, does not
    for message in messages[:100]:
        validator = validators[message["type"].removesuffix(".v1")]
        assert not validator.is_valid({**message, "specversion": "0.3"})
        assert not validator.is_valid({name: value for name, value in message.items() if name != "subject"})
        assert not validator.is_valid({**message, "data": []})


@pytest.mark.parametrize("unknown", ["order.misplaced.v1", "order.placed", "", "order.placed.v2"])
def test_an_unknown_type_is_wrong_usage(waybill: Command, unknown: str) -> None:
    waybill("schema", unknown).exited(2, "order.placed.v1")


def test_a_schema_needs_no_store(waybill: Command) -> None:
    waybill("schema").done()
    assert not waybill.store.exists()


def test_a_misspelt_type_is_answered_with_the_nearest(waybill: Command) -> None:
    waybill("schema", "order.placd.v1").exited(2, "did you mean order.placed.v1?")


def test_the_contract_of_publishers_alone_has_nothing_of_the_relay(waybill: Command) -> None:
    incoming, whole = waybill.ask("schema", "--incoming"), waybill.ask("schema")

    assert set(incoming["channels"]) == {"orders", "expedites", "shipments", "deliveries", "people"}
    assert incoming["channels"].keys() < whole["channels"].keys()
