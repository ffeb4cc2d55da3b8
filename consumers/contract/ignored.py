"""Ignored fields: fields that the contract does not know for a message's type. The answer names them.

A field of another type is ignored too, such as `promised_by` in an amendment.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from consumers.contract.catalogue import MessageType
from consumers.contract.lines import LineQuantityData, OrderLineData, PricedLineData
from consumers.contract.problems import cut, printable
from consumers.contract.standing_orders import EveryData

MOST_NAMED = 100
LONGEST_NAME = 200

_OF_LINES = {
    name: frozenset(model.model_fields)
    for name, model in (
        ("order.placed.v1", OrderLineData),
        ("order.amended.v1", OrderLineData),
        ("standing_order.established.v1", PricedLineData),
    )
}
_OF_QUANTITIES = frozenset(LineQuantityData.model_fields)
_OF_EVERY = frozenset(EveryData.model_fields)


def ignored_fields(message_type: MessageType, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The paths of the ignored fields as sent, such as "discount_code" or "lines[0].color".

    At most 100 are named; then the last says how many more there are. Control characters are escaped.
    """
    known = message_type.known_fields
    if "lines" not in known and known.issuperset(data):
        return ()
    named: list[str] = []
    more = 0
    for path in _ignored(message_type, data):
        if len(named) < MOST_NAMED:
            named.append(path)
        else:
            more += 1
    return (*named, f"and {more} more") if more else tuple(named)


def _ignored(message_type: MessageType, data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if name not in message_type.known_fields:
            yield _shown(name)
        elif name == "lines" and isinstance(value, list):
            known = _OF_LINES.get(message_type.name, _OF_QUANTITIES)
            for index, line in enumerate(value):
                if not known.issuperset(line):
                    yield from (f"lines[{index}].{_shown(name)}" for name in line if name not in known)
        elif name == "every":
            yield from (f"every.{_shown(name)}" for name in value if name not in _OF_EVERY)


def _shown(name: str) -> str:
    return cut(printable(name[: LONGEST_NAME + 1]), LONGEST_NAME)
