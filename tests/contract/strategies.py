"""Facts and messages at random, within the contract and a little outside of it."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from consumers.contract import CATALOGUE
from domain.currency import MINOR_UNITS
from domain.fact import Fact
from domain.order.events import LineQuantity, OrderLine, as_line
from domain.standing_order.events import Every
from tests.contract.scenario import RECEIVED_AT
from tests.contract.test_absent_and_null import CLEARED, KEPT, OPTIONAL
from tests.contract.test_choices import ENUMERATIONS

NONCHARACTERS = "".join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
NONCHARACTERS += "".join(map(chr, range(0xFDD0, 0xFDF0)))
ids = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=NONCHARACTERS), min_size=1, max_size=200
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
instants = st.datetimes(timezones=st.just(UTC))
amounts = st.decimals(0, 999_999_999_999_999, places=6) | st.decimals(0, 10_000, places=2)
quantities = st.decimals(Decimal("0.000001"), 999_999_999_999_999, places=6) | st.integers(1, 10**15 - 1).map(Decimal)
numbers = amounts | amounts.filter(bool).map(lambda number: -number)
line_numbers = st.integers(0, 10**18).map(as_line) | ids
_goods = st.builds(
    OrderLine,
    line=line_numbers,
    sku=st.none() | ids,
    quantity=quantities,
    unit_price=amounts,
    promised_by=st.none() | instants,
)
_charges = st.builds(
    OrderLine, line=line_numbers, sku=ids, quantity=quantities, unit_price=numbers, kind=st.just("charge")
)
order_lines = (
    st.lists(_goods | _charges, min_size=1, max_size=4, unique_by=lambda line: line.line)
    .filter(lambda lines: any(line.kind == "goods" for line in lines))
    .map(tuple)
)
line_quantities = st.lists(
    st.builds(LineQuantity, line=line_numbers, quantity=quantities),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line.line,
).map(tuple)
priced_lines = order_lines.map(lambda lines: tuple(msgspec.structs.replace(line, promised_by=None) for line in lines))
everies = (
    st.builds(Every, days=st.integers(1, 1_000_000))
    | st.builds(Every, weekday=st.integers(1, 7))
    | st.builds(Every, month_day=st.integers(1, 31))
)
months = st.dates().map(lambda day: day.isoformat()[:7])

_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("carrier", "voided_source", "voided_id", "parcel", "name"), ids),
    "parcels": st.lists(ids, min_size=1, max_size=3, unique=True).map(tuple),
    "replace": st.booleans(),
    **dict.fromkeys(("promised_by", "needed_by", "pickup_at", "estimated_delivery"), instants),
    **dict.fromkeys(("surcharge", "cost", "target_amount", "base", "quota_bonus", "new_account_bonus"), amounts),
    **dict.fromkeys(("growth_percent", "commission_percent"), numbers),
    "currency": st.sampled_from(sorted(MINOR_UNITS)),
    "month": months,
    "every": everies,
    "lead_days": st.integers(0, 1_000_000),
    **dict.fromkeys(("first_on", "until"), st.dates()),
    "time_zone": st.sampled_from(["Europe/Berlin", "UTC", "Asia/Kathmandu"]),
}


def _values(message_type: str, name: str) -> st.SearchStrategy[Any]:
    if (message_type, f"data.{name}") in ENUMERATIONS:
        return st.sampled_from(ENUMERATIONS[message_type, f"data.{name}"])
    if (message_type, name) == ("standing_order.established.v1", "lines"):
        return priced_lines
    if name == "lines":
        return order_lines if message_type.startswith("order.") else line_quantities
    if name in _BY_NAME:
        return _BY_NAME[name]
    return ids if name.endswith("_id") else texts


@st.composite
def facts_of(draw: st.DrawFn, message_type: str) -> Fact:
    """A fact that a message of this type can state, not received before it occurred."""
    said: dict[str, Any] = {}
    for _, name in CATALOGUE[message_type].fields:
        values = _values(message_type, name)
        if name in OPTIONAL.get(message_type, ()):
            values |= st.none()
        if name in KEPT.get(message_type, ()):
            values |= st.just(msgspec.UNSET)
        if name in CLEARED.get(message_type, ()):
            values |= st.none()
        if (message_type, name) == ("shipment.rebooked.v1", "lines"):
            values |= st.just(msgspec.UNSET)
        said[name] = draw(values)
    if message_type == "rep.changed.v1" and all(value is msgspec.UNSET for value in said.values()):
        said["level"] = draw(_values(message_type, "level"))
    if message_type == "rep.quota_set.v1":
        said[draw(st.sampled_from(["target_amount", "growth_percent"]))] = None
    return CATALOGUE[message_type].fact(
        recorded_at=draw(st.datetimes(max_value=RECEIVED_AT.replace(tzinfo=None), timezones=st.just(UTC))),
        source=draw(ids),
        message_id=draw(ids),
        occurred_at=draw(instants),
        correlation_id=draw(st.none() | ids),
        causation_id=draw(st.none() | ids),
        **said,
    )


facts = st.sampled_from(list(CATALOGUE)).flatmap(facts_of)

json_tokens = st.sampled_from(
    [
        *(b"null true false 0 -0 -0.0 1 -1 1.0 1e3 1e400 1e-400 1e99999999999999999999 NaN Infinity".split()),
        b"9" * 400,
        b"9" * 5000,
        b"0." + b"1" * 5000,
        *(b'"" "1" "1e9999999" "2026-02-30T00:00:00Z" "0001-01-01T00:00:00+09:00" "9999-12-31T23:59:59-09:00"'.split()),
        *(rb'"\u0000" "\ud800" "\udfff\ud800" "\u202e" "EUR" "b2b"'.split()),
        b"[]",
        b"{}",
        b"[[]]",
        b"[{}]",
        b'[{"line":1}]',
        b'[{"line":1,"quantity":1},{"line":1,"quantity":1}]',
        b"[" * 5000,
        b"[" * 400 + b"]" * 400,
        b'"' + b"x" * 5000 + b'"',
    ]
)
"""What may stand at any place of a message by mistake."""

python_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=3)
    | st.datetimes()
    | st.sampled_from(["b2b", "EUR", "2026-03", "1e9", "2026-03-01T09:00:00Z", "\0", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.fixed_dictionaries({"line": inner, "quantity": inner, "sku": inner, "unit_price": inner})
    ),
    max_leaves=5,
)
"""What some other decoder may hand over."""
