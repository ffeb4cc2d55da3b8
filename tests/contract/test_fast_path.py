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


def test_letters_and_blanks_of_any_script_are_usual() -> None:
    for name in ("Müller & 佐藤", "株式会社\u3000山田", "DHL\u00a0Express", "soft\u00adhyphen"):
        assert is_usual(given("order.placed.v1").with_("data.account_id", name))


def test_a_guests_order_and_lines_of_every_kind_are_usual() -> None:
    lines = [
        {"line": "a1b2", "sku": None, "quantity": "0", "unit_price": 1},
        {"line": 1, "quantity": 2, "unit_price": "3.50", "promised_by": "2026-03-09T17:00:00+01:00"},
        {"line": 2, "quantity": 1, "unit_price": "-0.50", "kind": "charge"},
    ]
    order = given("order.placed.v1").with_("data.account_id", None).without("data.rep_id").with_("data.lines", lines)

    assert is_usual(order)
    assert order.when_read().well_formed()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.reference", "on two\nlines"),
        ("data.reference", 'so-called "urgent"'),
        ("data.account_id", ""),
        ("data.account_id", "x" * 201),
        ("data.account_id", "deleted\x7f"),
        ("data.account_id", "no\uffffcharacter"),
        ("data.promised_by", None),
        ("data.promised_by", "2026-03-09"),
        ("data.lines[0].promised_by", "2026-03-09"),
        ("data.lines[0].promised_by", ""),
        ("data.lines[0].kind", None),
        ("data.lines[0].kind", "freight"),
        ("data.lines[0].color", "red"),
        ("data.time_zone", "Europe/Berlin"),
        ("data.lines", None),
        ("data.lines", []),
        ("data.lines[0].line", -1),
        ("data.lines[0].line", ""),
        ("data.lines[0].line", True),
        ("data.lines[0].quantity", "-1"),
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
def test_every_well_formed_message_is_read_like_the_models_do(fact: Fact, subject: str) -> None:
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
