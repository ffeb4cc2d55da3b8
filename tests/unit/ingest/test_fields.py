"""given a message, then its fields are compared and set by path, and what does not fit is named."""

from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from consumers.contract.fields import FieldError, assigned, differences, read_assignment, read_condition
from tests.integration.messages import line, placed

MESSAGE = placed(
    "SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", line(1, "2", "10.50"), line(2, "3", "4"), reference="007"
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("data.rep_id=rep-1", True),
        ("data.rep_id=rep-2", False),
        ("data.rep_id!=rep-2", True),
        ("data.reference=007", True),
        ("subject=SO-1", True),
        # Instants are compared as instants, whatever their offset; a date is its first instant.
        ("data.promised_by=2025-03-10T17:00:00+01:00", True),
        ("data.promised_by<2025-03-10", False),
        ("data.promised_by>=2025-03-10", True),
        ("time<=2025-03-03T09:00:00Z", True),
        # Numbers are compared by value, and any row will do unless one is named.
        ("data.lines.unit_price=10.5", True),
        ("data.lines.quantity>2", True),
        ("data.lines[0].quantity>2", False),
        ("data.lines[1].sku=SKU-2", True),
        ("data.lines[2].sku=SKU-2", False),
        # An absent field equals nothing.
        ("data.standing_order_id=x", False),
        ("data.standing_order_id!=x", True),
        ("data.standing_order_id<x", False),
    ],
)
def test_a_condition_holds_or_not(condition: str, holds: bool) -> None:
    assert read_condition(condition, UTC)(MESSAGE) is holds


def test_a_date_begins_in_the_business_zone() -> None:
    zone = timezone(timedelta(hours=-8))
    assert read_condition("data.promised_by<2025-03-11", zone)(MESSAGE)
    assert not read_condition("data.promised_by>=2025-03-10T16:00:01Z", zone)(MESSAGE)


@pytest.mark.parametrize("condition", ["data.rep_id", "=x", "data..rep_id=x", "data.lines[a]=1", ""])
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(FieldError, match=r"is not a (condition|field)"):
        read_condition(condition, UTC)


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("data.promised_by=2025-03-12T16:00:00Z", ("data", "promised_by"), "2025-03-12T16:00:00Z"),
        ("data.promised_by=+1d12h", ("data", "promised_by"), "2025-03-12T04:00:00Z"),
        ("time=-90m", ("time",), "2025-03-03T07:30:00Z"),
        ("data.rep_id=rep-2", ("data", "rep_id"), "rep-2"),
        ('data.rep_id="12"', ("data", "rep_id"), "12"),
        ("data.rep_id=null", ("data", "rep_id"), None),
        # A text of digits stays a text, and a decimal stays exact.
        ("data.reference=008", ("data", "reference"), "008"),
        ("data.reference=8", ("data", "reference"), "8"),
        ("data.lines[1].unit_price=4.10", ("data", "lines", 1, "unit_price"), "4.10"),
        ("data.standing_order_id=ST-1", ("data", "standing_order_id"), "ST-1"),
        ('data.lines=[{"line":1}]', ("data", "lines"), [{"line": 1}]),
        ("data.lines[0].note=1.10", ("data", "lines", 0, "note"), Decimal("1.10")),
    ],
)
def test_a_field_is_set_in_a_copy(assignment: str, path: tuple[str | int, ...], value: Any) -> None:
    before = repr(MESSAGE)

    place: Any = assigned(MESSAGE, (read_assignment(assignment),))
    for step in path:
        place = place[step]

    assert place == value
    assert repr(MESSAGE) == before


@pytest.mark.parametrize(
    ("assignment", "saying"),
    [
        ("data.promised_by", "sets nothing; write FIELD=VALUE"),
        ("dat.promised_by=x", "dat.promised_by: the message has no dat; it has specversion, id"),
        ("data.lines[2].sku=x", "data.lines.2..sku: there is no 2 in the message; it has 2 rows, counted from 0"),
        ("data.rep_id.name=x", "data.rep_id.name: there is no name in the message"),
        ("data.rep_id[0]=x", "data.rep_id.0.: there is no 0 in the message"),
        ("data.lines[2]=null", "data.lines.2.: there is no 2 in the message; it has 2 rows, counted from 0"),
        ("data.lines.sku=x", "data.lines.sku: there is no sku in the message; it has 2 rows"),
        ("data.rep_id=+1d", "data.rep_id is rep-1, no instant"),
        ("data.promised_by=+9999999d", "leads out of the years 1 to 9999"),
        ("data.promised_by=+9999999999999d", "more than an instant can be moved"),
    ],
)
def test_what_cannot_be_set_is_named(assignment: str, saying: str) -> None:
    with pytest.raises(FieldError, match=saying):
        assigned(MESSAGE, (read_assignment(assignment),))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (MESSAGE, MESSAGE, []),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, ["a.b[1]: 2 → 3", "a.b[2]: absent → 4"]),
        ({"a": "1", "b": None}, {"a": 1}, ['a: "1" → 1', "b: null → absent"]),
        ({"a": True}, {"a": 1}, ["a: true → 1"]),
        ([], {}, ["message: a list → an object"]),
    ],
)
def test_what_differs_between_two_messages_is_named_by_path(before: Any, after: Any, said: list[str]) -> None:
    assert list(differences(before, after)) == said


def test_a_decimal_is_compared_by_value_however_it_is_written() -> None:
    assert read_condition("data.weight=1.50", UTC)({"data": {"weight": Decimal("1.5")}})
    assert read_condition("data.weight<x", UTC)({"data": {"weight": Decimal("1.5")}})
