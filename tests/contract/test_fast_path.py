"""The usual message is read the short way, and always as the models would read it (see also `scenario.when_read`)."""

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from consumers.contract import CATALOGUE, EXAMPLES, to_cloud_event
from consumers.contract.fast_path import read_fast_path
from domain.fact import Fact
from tests.contract.scenario import HISTORY, Given, given, when_read
from tests.contract.strategies import facts, json_tokens

# Their models have rules over several fields.
BY_THE_MODELS_ALONE = {"rep.changed.v1", "rep.quota_set.v1"}


def is_usual(message: Given) -> bool:
    return read_fast_path(message.raw()) is not None


@pytest.mark.parametrize("message_type", sorted(CATALOGUE))
def test_a_plain_message_is_usual(message_type: str) -> None:
    assert is_usual(given(message_type)) == (message_type not in BY_THE_MODELS_ALONE)


def test_letters_of_any_script_are_usual() -> None:
    assert is_usual(given("order.placed.v1").with_("data.account_id", "Müller & 佐藤"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.reference", "on two\nlines"),
        ("data.reference", 'so-called "urgent"'),
        ("data.account_id", ""),
        ("data.account_id", "x" * 201),
        ("data.account_id", "soft\u00adhyphen"),
        ("data.account_id", "deleted\x7f"),
        ("data.account_id", None),
        ("data.promised_by", None),
        ("data.lines", None),
        ("data.lines", []),
        ("data.lines[0].line", 0),
        ("data.lines[0].line", True),
        ("data.lines[0].quantity", "0"),
        ("data.lines[0].quantity", "1_0"),
        ("data.lines[0].unit_price", -1),
        ("data.segment", "b3b"),
        ("data.currency", "EURO"),
        ("data.nobody_knows_this", 1),
        ("partitionkey", "7"),
        ("datacontenttype", "text/plain"),
        ("type", "order.replaced.v1"),
    ],
)
def test_what_breaks_a_bound_or_is_not_plain_is_left_to_the_models(path: str, value: object) -> None:
    assert not is_usual(given("order.placed.v1").with_(path, value))


@for_all(fact=facts, subject=st.sampled_from(["SO-1", "rep-7"]))
def test_whatever_is_well_formed_is_read_as_the_models_would(fact: Fact, subject: str) -> None:
    raw = msgspec.json.encode(to_cloud_event(fact, subject))

    assert when_read(raw, HISTORY).fact() == fact


@for_all(message=st.sampled_from(list(EXAMPLES.values())), data=st.data())
def test_a_field_that_is_said_twice_is_read_as_the_models_would(
    message: dict[str, object], data: st.DataObject
) -> None:
    raw = msgspec.json.encode(message)
    place = data.draw(st.sampled_from([at for at, byte in enumerate(raw) if byte in b"{,"]), label="after") + 1
    name = data.draw(st.sampled_from([*message, *message["data"]]), label="name")  # type: ignore[misc]
    value = data.draw(json_tokens | st.sampled_from([*message.values()]).map(msgspec.json.encode), label="value")

    when_read(raw[:place] + msgspec.json.encode(name) + b":" + value + b"," + raw[place:])
