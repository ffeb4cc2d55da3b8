"""given reasons of dead letters, then their faults can be read from them, and equal faults have one shape."""

import pytest

from consumers.contract import Malformed, ReadingRules, read_message
from consumers.contract.faults import Fault, faults_in, shape_of
from infra.marked_json import MISSING, marked_lines
from tests.integration.command import encoded
from tests.integration.messages import placed
from tests.stores.test_operator_log import NOW

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10")


def reason_of(**data: object) -> str:
    document = {**ORDER, "data": {**ORDER["data"], **data}}
    read = read_message(encoded(document), NOW, ReadingRules(1_048_576))
    assert isinstance(read, Malformed)
    return read.reason


def test_the_faults_of_a_message_are_its_fields_their_rules_and_what_was_found() -> None:
    faults = faults_in(reason_of(segment="b3b", currency=None, promised_by="soon"))
    assert [fault.field for fault in faults] == ["data.segment", "data.currency", "data.promised_by"]
    assert [fault.found for fault in faults] == ['"b3b"', "null", '"soon"']
    assert faults[0].rule.startswith("must be")
    assert faults_in("the order is complete") == []


@pytest.mark.parametrize(
    "ending", ["", '"', '\\"', "…", "\\…", "a" * 55 + '"', "a" * 57 + '\\"'], ids=lambda ending: repr(ending[-3:])
)
def test_a_value_of_the_sender_cannot_look_like_a_fault(ending: str) -> None:
    value = f"a{ending}; x: must y"
    faults = faults_in(reason_of(segment=value, currency=value, channel=value))
    assert {fault.field for fault in faults} == {"data.channel", "data.segment", "data.currency"}
    assert len(faults) == 3


def test_a_value_that_was_cut_hides_no_fault_after_it() -> None:
    reason = 'data.segment: must be b2b, but is "aaaa…; data.currency: must be given, but is missing'
    assert [fault.field for fault in faults_in(reason)] == ["data.segment", "data.currency"]


def test_messages_with_the_same_fault_and_other_values_have_one_shape() -> None:
    lines = [
        [{"line": number, "quantity": 1, "unit_price": "1"}] * place
        + [{"line": f"x{number}", "quantity": -number, "unit_price": "1"}]
        for number, place in ((1, 0), (22, 1))
    ]
    assert len({shape_of(reason_of(lines=some)) for some in lines}) == 1
    assert len({shape_of(reason_of(segment=segment)) for segment in ("b1b", "b2", "")}) == 1
    assert shape_of(reason_of(segment="b1b")) != shape_of(reason_of(channel="b1b"))


@pytest.mark.parametrize(
    ("reason", "shape"),
    [
        ("order SO-10 is not known yet", "order … is not known yet"),
        ("shipment by air was cancelled", "shipment … was cancelled"),
        ("line 7: 5 is more than the 3 left to book", "line … is more than the … left to book"),
        ("line a of shipment S 1 would fall to 3, of which 4 were delivered", None),
        ("the order is complete", "the order is complete"),
        ("the order was placed before, with other content; use order.amended.v1 to change it", "unchanged"),
        ("offsets 2 to 31 were skipped unread: disk", "offsets … to … were skipped unread: disk"),
    ],
)
def test_the_reasons_of_rules_have_shapes_without_ids_and_numbers(reason: str, shape: str | None) -> None:
    if shape is None:
        assert not any(char.isdigit() for char in shape_of(reason))
    else:
        assert shape_of(reason) == (reason if shape == "unchanged" else shape)


def test_each_field_at_fault_is_marked_where_it_stands_or_is_missing() -> None:
    document = {"id": "1", "data": {"lines": [{"line": 1, "quantity": -1}], "note": []}}
    faults = [
        Fault("data.lines[0].quantity", "must be positive", "-1"),
        Fault("data.lines[0].unit_price", "must be given", None),
        Fault("time", "must be given", None),
        Fault("data.note", "must be text", "a list"),
    ]
    marks = {line.text.strip().rstrip(","): line.mark for line in marked_lines(document, faults) if line.mark}
    assert marks == {
        '"quantity": -1': "must be positive",
        f'"unit_price": {MISSING}': "must be given",
        f'"time": {MISSING}': "must be given",
        '"note": []': "must be text",
    }
