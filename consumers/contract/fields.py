"""Fields of a message by path, such as `data.promised_by` or `data.lines[0].quantity`: read, compared and set.

A message is decoded structured JSON, as `to_cloud_event` writes it or `decode_json` reads it.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeVar

from consumers.contract.documents import encode_document
from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.problems import path_of, shown
from consumers.contract.writing import instant_text

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[[0-9]+\])*)")
_INDEX = re.compile(r"\[([0-9]+)\]")
_CONDITION = re.compile(r"\s*([A-Za-z0-9_.\[\]]+)\s*(<=|>=|!=|=|<|>)(.*)", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.\[\]]+)\s*=(.*)", re.DOTALL)
_SHIFT = re.compile(r"([+-])((?:[0-9]+[dhms])+)")
_AMOUNT = re.compile(r"([0-9]+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Message = dict[str, Any]
M = TypeVar("M")
Path = tuple[str | int, ...]
"""Names of fields and, for rows, their numbers from 0."""
ABSENT = object()
"""The value of a field that a message does not have."""


class FieldError(ValueError):
    """A path, a condition or a value does not fit; the message names the field and says what would."""


class Condition(NamedTuple):
    """A comparison of one field with a value.

    Instants are compared as instants, numbers by value, and everything else as text. A path that leads through rows
    without naming one (`data.lines.sku`) means any of them. `instant` is the value as an instant, if it is one.
    """

    text: str
    path: Path
    comparison: str
    value: str
    instant: datetime | None

    def __call__(self, message: Message) -> bool:
        """Whether a field of the message compares so. An absent field equals nothing; it differs from everything."""
        found = list(_values(message, self.path))
        if self.comparison == "!=":
            return not any(self._compares(value, operator.eq) for value in found)
        return any(self._compares(value, _COMPARISONS[self.comparison]) for value in found)

    def _compares(self, found: Any, compare: Callable[[Any, Any], bool]) -> bool:
        if self.instant is not None and (at := _instant(found, UTC)) is not None:
            return compare(at, self.instant)
        one, other = _number(found), _number(self.value)
        if one is not None and other is not None:
            return compare(one, other)
        return compare(_as_text(found), self.value)


class Assignment(NamedTuple):
    """A new value for one field. `shift` moves the instant that the field has; otherwise `value` is set."""

    path: Path
    value: str
    shift: timedelta | None

    @property
    def name(self) -> str:
        return path_of(self.path)


def read_condition(text: str, zone: tzinfo) -> Condition:
    """A condition, such as `data.promised_by<2026-01-01`. A date is its first instant in `zone`. Raises FieldError."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise FieldError(f"{text!r} is not a condition; write FIELD=VALUE, such as data.carrier=Swift, or use != < <=")
    name, comparison, value = match.groups()
    return Condition(text, read_path(name), comparison, value.strip(), _instant(value.strip(), zone))


def read_assignment(text: str) -> Assignment:
    """A new value, such as `data.promised_by=2026-03-10T16:00:00Z` or `data.promised_by=+1d`. Raises FieldError."""
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise FieldError(f"{text!r} sets nothing; write FIELD=VALUE, such as data.promised_by=2026-03-10T16:00:00Z")
    name, value = match.groups()
    return Assignment(read_path(name), value, _shift(value.strip()))


def read_path(name: str) -> Path:
    """A path, such as `data.lines[0].quantity`. Raises FieldError."""
    path: list[str | int] = []
    for step in name.split("."):
        match = _STEP.fullmatch(step)
        if match is None:
            raise FieldError(f"{name!r} is not a field; name one such as time, data.promised_by or data.lines[0].sku")
        path += [match[1], *map(int, _INDEX.findall(match[2]))]
    return tuple(path)


def assigned(message: M, assignments: Sequence[Assignment]) -> M:
    """A copy of the message with these fields set. Raises FieldError.

    Only the last name of a path may be new: a mistyped one on the way would add a field that nobody reads.
    """
    changed = deepcopy(message)
    for assignment in assignments:
        _assign(changed, assignment)
    return changed


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[str]:
    """What differs between two messages, such as "data.lines[0].quantity: -3 → 3"."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), (*path, name))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            was = before[number] if number < len(before) else ABSENT
            now = after[number] if number < len(after) else ABSENT
            yield from differences(was, now, (*path, number))
    elif type(before) is not type(after) or before != after:
        yield f"{path_of(path) or 'message'}: {_said(before)} → {_said(after)}"


def _said(value: Any) -> str:
    return "absent" if value is ABSENT else shown(value)


def _assign(message: Any, assignment: Assignment) -> None:
    *way, last = assignment.path
    place: Any = message
    for step in way:
        if isinstance(step, str) and isinstance(place, dict) and step not in place:
            raise FieldError(f"{assignment.name}: the message has no {step}; it has {', '.join(place)}")
        place = _step(place, step, assignment)
    before = place.get(last) if isinstance(place, dict) else _step(place, last, assignment)
    place[last] = _new_value(before, assignment)


def _step(place: Any, step: str | int, assignment: Assignment) -> Any:
    if isinstance(place, list) and isinstance(step, int) and step < len(place):
        return place[step]
    if isinstance(place, dict) and step in place:
        return place[step]
    rows = f"; it has {len(place)} rows, counted from 0" if isinstance(place, list) else ""
    raise FieldError(f"{assignment.name}: there is no {step} in the message{rows}")


def _new_value(before: Any, assignment: Assignment) -> Any:
    if assignment.shift is not None:
        at = _instant(before, UTC)
        if at is None:
            raise FieldError(f"{assignment.name} is {_as_text(before)}, no instant that {assignment.value} could move")
        try:
            return instant_text(at + assignment.shift)
        except OverflowError:
            raise FieldError(f"{assignment.name}: {assignment.value} leads out of the years 1 to 9999") from None
    try:
        value = decode_json(assignment.value.encode())
    except Unreadable:
        return assignment.value
    # A text of digits stays one, and a decimal stays as exact as it was written.
    is_plain = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return assignment.value.strip() if is_plain and isinstance(before, str) else value


def _values(place: Any, path: Path) -> Iterator[Any]:
    """The values at the path; a list is looked through unless the path names a row. Null is no value."""
    if not path:
        if place is not None:
            yield place
        return
    first, rest = path[0], path[1:]
    if isinstance(place, list):
        if not isinstance(first, int):
            for row in place:
                yield from _values(row, path)
        elif first < len(place):
            yield from _values(place[first], rest)
    elif isinstance(place, dict) and first in place:
        yield from _values(place[first], rest)


def _instant(value: Any, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str) or len(value) < len("2026-01-01"):
        return None
    try:
        if len(value) == len("2026-01-01"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        at = datetime.fromisoformat(value)
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else encode_document(value).decode()


def _shift(value: str) -> timedelta | None:
    match = _SHIFT.fullmatch(value)
    if match is None:
        return None
    try:
        size = timedelta(**_units(match[2]))
    except OverflowError:
        raise FieldError(f"{value} is more than an instant can be moved") from None
    return size if match[1] == "+" else -size


def _units(text: str) -> dict[str, float]:
    units: dict[str, float] = {}
    for amount, unit in _AMOUNT.findall(text):
        units[_UNITS[unit]] = units.get(_UNITS[unit], 0) + int(amount)
    return units
