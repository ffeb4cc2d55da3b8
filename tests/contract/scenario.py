"""Given a message, when it is read, then it is well-formed or malformed: the words of these tests."""

import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

import msgspec

from consumers.contract import (
    EXAMPLES,
    Malformed,
    ReadingRules,
    WellFormed,
    decode_json,
    read_cloud_event,
    read_message,
)
from domain.fact import Fact

RECEIVED_AT = datetime(2026, 8, 1, 12, 0, 0, 250, tzinfo=UTC)
LIVE = ReadingRules(max_bytes=1_048_576)
HISTORY = ReadingRules(max_bytes=1_048_576, honour_recordedtime=True)


def number(token: str) -> msgspec.Raw:
    """A JSON number with exactly these characters."""
    return msgspec.Raw(token.encode())


@dataclass(frozen=True)
class Then:
    """What reading found."""

    found: WellFormed | Malformed

    def well_formed(self) -> WellFormed:
        assert isinstance(self.found, WellFormed), self.found.reason
        return self.found

    def fact(self) -> Any:
        """The fact, not typed more closely: each test knows the type that it asked for."""
        fact = self.well_formed().fact
        assert isinstance(fact, Fact)
        return fact

    def malformed(self, *saying: str) -> str:
        """Malformed for a reason that is one short printable line and says each of these."""
        assert isinstance(self.found, Malformed), f"well-formed: {self.found}"
        reason = self.found.reason
        assert 0 < len(reason) <= 500
        assert reason.isprintable()
        for words in saying:
            assert words in reason, reason
        return reason


@dataclass(frozen=True)
class Given:
    """A message in structured JSON, to be changed before it is read."""

    message: dict[str, Any] = field(default_factory=dict)

    def with_(self, path: str, value: Any) -> Self:
        """With another value at a path such as "data.lines[0].quantity"; the last step may be new."""
        *way, last = _steps(path)
        message = deepcopy(self.message)
        _at(message, way)[last] = value
        return type(self)(message)

    def without(self, path: str) -> Self:
        *way, last = _steps(path)
        message = deepcopy(self.message)
        _at(message, way).pop(last, None)
        return type(self)(message)

    def raw(self) -> bytes:
        return msgspec.json.encode(self.message)

    def when_read(self, rules: ReadingRules = LIVE) -> Then:
        return when_read(self.raw(), rules)


def given(message_type: str) -> Given:
    """The contract's example of this type."""
    return Given(deepcopy(EXAMPLES[message_type]))


def when_read(raw: bytes, rules: ReadingRules = LIVE) -> Then:
    found = read_message(raw, RECEIVED_AT, rules)
    if isinstance(found, WellFormed):
        # Read the short way or not: it is what the models make of it.
        by_the_models = read_cloud_event(decode_json(raw), len(raw), RECEIVED_AT, rules)
        assert by_the_models == found
        assert repr(by_the_models) == repr(found), "equal, and written alike: 1.0 is not 1.00"
    return Then(found)


def value_in(fact: Any, path: str) -> Any:
    """What a fact holds at the path that its message had it at."""
    for step in _steps(path)[1:]:
        fact = fact[step] if isinstance(step, int) else getattr(fact, step)
    return fact


def same_decimal(one: Any, other: Decimal) -> bool:
    """Equal, and written alike: Decimal("1.0") is not Decimal("1.00") here, and 0 has no sign."""
    return isinstance(one, Decimal) and str(one) == str(other)


def _steps(path: str) -> list[Any]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]


def _at(message: Any, steps: list[Any]) -> Any:
    for step in steps:
        message = message[step]
    return message
