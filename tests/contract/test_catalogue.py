"""The catalogue holds the contract's table, and every message becomes its event."""

import pytest

from consumers.contract import CATALOGUE, EXAMPLES, OWN_TYPES, TOPIC_OF_TYPE, TOPICS
from domain.fact import FACT_CLASSES, MESSAGE_TYPES
from tests.contract.scenario import given


def test_every_type_of_the_contract_is_taken_except_waybills_own() -> None:
    taken = [message_type for message_type in MESSAGE_TYPES if message_type != "standing_order.missed.v1"]

    assert list(CATALOGUE) == taken
    assert list(OWN_TYPES) == ["standing_order.missed.v1"]
    assert list(EXAMPLES) == taken


@pytest.mark.parametrize(
    ("family", "topics"),
    [
        ("order.", ("orders",)),
        ("expedite.", ("expedites",)),
        ("customer.informed.", ("expedites",)),
        ("shipment.", ("shipments",)),
        ("delivery.", ("deliveries",)),
        ("message.voided.", TOPICS),
        ("customer.contacted.", ("people",)),
        ("rep.", ("people",)),
        ("account.", ("people",)),
        ("standing_order.", ("people",)),
        ("parcel.", ("deliveries",)),
    ],
)
def test_the_topics_are_those_of_the_table(family: str, topics: tuple[str, ...]) -> None:
    types = [message_type for message_type in TOPIC_OF_TYPE if message_type.startswith(family)]

    assert types
    assert all(TOPIC_OF_TYPE[message_type] == topics for message_type in types)


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_a_message_says_what_its_event_holds(message_type: str) -> None:
    row = CATALOGUE[message_type]

    assert row.fact is FACT_CLASSES[message_type]
    assert {attribute for _, attribute in row.fields} == set(row.fact.DATA_FIELDS)


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_the_example_of_a_type_becomes_its_event(message_type: str) -> None:
    found = given(message_type).when_read().well_formed()

    assert found.type == message_type
    assert found.subject == EXAMPLES[message_type]["subject"]
    assert type(found.fact) is FACT_CLASSES[message_type]


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_every_field_is_documented_in_one_sentence(message_type: str) -> None:
    row = CATALOGUE[message_type]
    assert row.data.__doc__
    for name, field in row.data.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert field.description.count(". ") == 0, name
