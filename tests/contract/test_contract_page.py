"""docs/contract.md says what the models say: every type, every field, and which of them are required."""

import re
from pathlib import Path

import pytest

from consumers.contract import CATALOGUE, OWN_TYPES, TOPICS, MessageType, message_schema
from consumers.contract.envelope import Envelope
from consumers.contract.lines import LineQuantityData, OrderLineData, PricedLineData
from consumers.contract.standing_orders import EveryData
from consumers.contract.values import WireModel
from domain.currency import MINOR_UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
FIELD = re.compile(r"^\| `([a-z_]+)` \| (required|optional) \|", re.MULTILINE)


def section(beginning: str) -> str:
    """The text from a line that begins so to the next heading, or to the next paragraph in bold."""
    _, found, rest = f"\n{PAGE}".partition(f"\n{beginning}")
    assert found, f"the page has no {beginning!r}"
    return re.split(r"\n(?:#|\*\*)", rest, maxsplit=1)[0]


def fields_in(text: str) -> list[tuple[str, bool]]:
    return [(name, need == "required") for name, need in FIELD.findall(text)]


def fields_of(model: type[WireModel]) -> list[tuple[str, bool]]:
    return [(field.alias or name, field.is_required()) for name, field in model.model_fields.items()]


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_names_every_field_of_a_type(row: MessageType) -> None:
    assert fields_in(section(f"### `{row.name}`")) == fields_of(row.data)


@pytest.mark.parametrize(
    ("beginning", "model"),
    [
        ("## The envelope", Envelope),
        ("**Order lines**", OrderLineData),
        ("**Line quantities**", LineQuantityData),
        ("**Lines of a standing order**", PricedLineData),
        ("**How often**", EveryData),
    ],
)
def test_names_every_field_of_what_types_share(beginning: str, model: type[WireModel]) -> None:
    assert fields_in(section(beginning)) == fields_of(model)


def test_names_every_type_that_is_taken_in_the_order_of_ranks() -> None:
    assert re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE) == list(CATALOGUE)


def test_names_the_topics_and_the_types_that_waybill_alone_writes() -> None:
    for topic in TOPICS:
        assert f"`{topic}`" in section("## Topics")
    for message_type in OWN_TYPES:
        assert f"`{message_type}`" in section("## Waybill's own messages")


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_names_every_choice(row: MessageType) -> None:
    said = section(f"### `{row.name}`")
    for schema in message_schema(row.name)["$defs"][row.data.__name__]["properties"].values():
        for alternative in (schema, *schema.get("anyOf", ())):
            choices = alternative.get("enum", ())
            assert choices == sorted(MINOR_UNITS) or all(f"`{choice}`" in said for choice in choices)
