"""Whatever comes in, reading it ends in a verdict and never in a traceback."""

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from consumers.contract import EXAMPLES, WellFormed, read_cloud_event, to_cloud_event
from tests.contract.scenario import HISTORY, LIVE, RECEIVED_AT, Then, when_read
from tests.contract.strategies import json_tokens, python_values

examples = st.sampled_from(list(EXAMPLES.values()))
written = examples.map(msgspec.json.encode)


def then_it_has_a_verdict(then: Then) -> None:
    """Well-formed, and then it can be written back and read again; or malformed, for a reason that can be shown."""
    if isinstance(then.found, WellFormed):
        event = to_cloud_event(then.found.fact, then.found.subject)
        again = when_read(msgspec.json.encode(event), HISTORY).well_formed()
        assert again == msgspec.structs.replace(then.found, ignored=())
    else:
        then.malformed()
        then.found.reason.encode()


@for_all(raw=st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    then_it_has_a_verdict(when_read(raw))


@for_all(
    raw=st.recursive(
        json_tokens,
        lambda inner: st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]"),
        max_leaves=5,
    )
)
def test_any_json(raw: bytes) -> None:
    then_it_has_a_verdict(when_read(raw))


@for_all(raw=written, data=st.data())
def test_a_good_message_with_some_bytes_changed(raw: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4), label="changes")):
        start = data.draw(st.integers(0, len(raw)), label="from")
        end = min(len(raw), start + data.draw(st.integers(0, 8), label="bytes left out"))
        raw = raw[:start] + data.draw(st.binary(max_size=4), label="put in") + raw[end:]

    then_it_has_a_verdict(when_read(raw))


@for_all(message=examples, data=st.data())
def test_a_good_message_with_something_else_in_a_place(message: dict[str, object], data: st.DataObject) -> None:
    raw = _with_another_value(message, data)

    then_it_has_a_verdict(when_read(raw))


@for_all(message=examples, data=st.data())
def test_a_good_message_with_some_places_broken_and_its_end_missing(
    message: dict[str, object], data: st.DataObject
) -> None:
    raw = _with_another_value(message, data)

    then_it_has_a_verdict(when_read(raw[: data.draw(st.integers(0, len(raw)), label="end")]))


@for_all(message=examples, data=st.data())
def test_attributes_that_another_decoder_made(message: dict[str, object], data: st.DataObject) -> None:
    changed = dict(message)
    said = changed["data"]
    assert isinstance(said, dict)
    inner = dict(said)
    for into in (changed, inner):
        for name in data.draw(st.lists(st.sampled_from([*into, "unheard_of"]), max_size=2), label="names"):
            into[name] = data.draw(python_values, label=name)
    if changed["data"] is said:
        changed["data"] = inner

    then_it_has_a_verdict(Then(read_cloud_event(changed, 300, RECEIVED_AT, LIVE)))


def _with_another_value(message: dict[str, object], data: st.DataObject) -> bytes:
    """The message as JSON, with the values of one to three keys replaced, wherever these stand."""
    raw = msgspec.json.encode(message)
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        colons = [at for at, byte in enumerate(raw) if byte == ord(":")]
        start = data.draw(st.sampled_from(colons), label="colon") + 1
        ends = [at for at in range(start, len(raw)) if raw[at] in b",}]"]
        end = ends[0] if ends else len(raw)
        raw = raw[:start] + data.draw(json_tokens, label="value") + raw[end:]
    return raw
