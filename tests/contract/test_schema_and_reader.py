"""Schema and reader agree: what validates is well-formed, and what is plainly wrong neither takes.

HYPOTHESIS_PROFILE=thorough makes tens of thousands of messages.
"""

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import assume
from hypothesis import given as for_all
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from consumers.contract import CATALOGUE, EXAMPLES, Malformed, message_schema, read_message
from tests.contract.from_schema import messages_of
from tests.contract.scenario import LIVE, RECEIVED_AT

SCHEMAS = {message_type: message_schema(message_type) for message_type in CATALOGUE}
VALIDATORS = {message_type: Draft202012Validator(schema) for message_type, schema in SCHEMAS.items()}

NO_VALUE: list[Any] = [{}, {"a": 1}, [[]], "\0", "a\0b", "9" * 300, -(10**30), 10**30, True, 1.5, "", None, "x" * 201]


def reason_against(message: Any) -> str | None:
    """Why the reader refuses it; None when it is well-formed."""
    found = read_message(msgspec.json.encode(message), RECEIVED_AT, LIVE)
    return found.reason if isinstance(found, Malformed) else None


def beyond_a_schema(reason: str) -> bool:
    """What a schema cannot say, as its description tells."""
    return reason.startswith("data.lines: must have unique line numbers") or "must be a time zone of" in reason


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_what_validates_is_well_formed(message_type: str) -> None:
    @for_all(message=messages_of(SCHEMAS[message_type]))
    def holds(message: Any) -> None:
        reason = reason_against(message)
        assume(reason is None or not beyond_a_schema(reason))
        assert reason is None

    holds()


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_a_message_with_something_else_in_a_place_is_well_formed_if_it_validates(message_type: str) -> None:
    @for_all(data=st.data())
    def holds(data: st.DataObject) -> None:
        message = deepcopy(EXAMPLES[message_type])
        for _ in range(data.draw(st.integers(1, 2), label="changes")):
            parent, key = data.draw(st.sampled_from(_places(message)), label="place")
            parent[key] = data.draw(st.sampled_from(NO_VALUE) | st.integers() | st.text(), label="value")
        if VALIDATORS[message_type].is_valid(message):
            reason = reason_against(message)
            assert reason is None or beyond_a_schema(reason) or "NUL" in reason or "surrogate" in reason

    holds()


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_an_object_in_place_of_a_value_neither_takes(message_type: str) -> None:
    for place in range(len(_places(EXAMPLES[message_type]))):
        message = deepcopy(EXAMPLES[message_type])
        parent, key = _places(message)[place]
        parent[key] = {"not": "a value"} if not isinstance(parent[key], dict) else ["no object"]
        assert reason_against(message) is not None, key
        assert not VALIDATORS[message_type].is_valid(message), key


def _places(message: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Every place of a message that holds a value, as the object or list that it stands in and its key there."""
    places: list[tuple[Any, Any]] = []
    unread: list[Any] = [message]
    while unread:
        parent = unread.pop()
        for key, value in parent.items() if isinstance(parent, dict) else enumerate(parent):
            places.append((parent, key))
            if isinstance(value, dict | list):
                unread.append(value)
    return places
