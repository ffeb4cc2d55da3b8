"""docs/contract.md says which rules a schema cannot express: such a message fits its schema and is malformed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from consumers.contract import message_schema
from tests.contract.scenario import given

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")
VALIDATOR = Draft202012Validator(message_schema("order.placed.v1"))

LINE = {"line": 1, "quantity": "2", "unit_price": "3"}
NOT_IN_THE_SCHEMA: list[tuple[str, str, Any]] = [
    ("differ in `line`", "data.lines", [LINE, {**LINE, "line": "1"}]),
    ("IANA database", "data.time_zone", "Europe/Atlantis"),
    ("at most 1 MiB", "data.reference", "x" * 1_100_000),
    ("nests at most 500 deep", "data.unheard_of", msgspec.json.decode("[" * 501 + "]" * 501)),
    ("not even in an ignored field", "data.unheard_of", "a\0b"),
]
IN_THE_SCHEMA: list[tuple[str, str, Any]] = [
    ("2026-02-29 does not", "data.promised_by", "2026-02-29"),
    ("no control characters", "subject", "SO\n1"),
    ("1 to 200 characters", "id", "x" * 201),
    ("quantity above 0", "data.lines", [{**LINE, "quantity": 0}]),
    ("At least one line of goods", "data.lines", [{**LINE, "kind": "charge"}]),
    ("Goods cost 0 or more", "data.lines", [{**LINE, "unit_price": "-3"}]),
]


def row_of(rule: str) -> str:
    table = PAGE.partition("### What the schemas say")[2].partition("\n### ")[0]
    (row,) = [line for line in table.splitlines() if line.startswith("|") and rule in line]
    return row


@pytest.mark.parametrize(("rule", "path", "value"), NOT_IN_THE_SCHEMA)
def test_only_the_reader_knows(rule: str, path: str, value: Any) -> None:
    message = given("order.placed.v1").with_(path, value)

    assert row_of(rule).endswith(("| no |", "| in known fields |"))
    assert VALIDATOR.is_valid(message.message)
    message.when_read().malformed()


@pytest.mark.parametrize(("rule", "path", "value"), IN_THE_SCHEMA)
def test_the_schema_knows_too(rule: str, path: str, value: Any) -> None:
    message = given("order.placed.v1").with_(path, value)

    assert "| as " in row_of(rule)
    assert not VALIDATOR.is_valid(message.message)
    message.when_read().malformed()


def test_a_charge_may_be_negative() -> None:
    lines = [LINE, {**LINE, "line": 2, "kind": "charge", "unit_price": "-3"}]
    message = given("order.placed.v1").with_("data.lines", lines)

    assert VALIDATOR.is_valid(message.message)
    message.when_read().well_formed()
