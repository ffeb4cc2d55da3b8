"""Editing a message's JSON document: assignments such as `data.lines[0].quantity=3`, and what an edit changed."""

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from consumers.contract.json_decoding import Unreadable, decode_json
from consumers.contract.problems import path_of, shown

_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]=]+)")
ABSENT = object()
"""Of a field that a document does not have."""


class CannotAssignError(ValueError):
    """An assignment that cannot be understood or does not fit the document; the error says why."""


class Assignment(NamedTuple):
    """A field's path, such as ("data", "lines", 0, "quantity"), and its new value."""

    path: tuple[str | int, ...]
    value: Any


def read_assignment(text: str) -> Assignment:
    """Read FIELD=VALUE. The value is JSON if it can be read so, else text. Raises CannotAssignError."""
    field, separator, value = text.partition("=")
    path: list[str | int] = []
    at = 0
    while at < len(field) and (step := _STEP.match(field, at)):
        path.append(int(step[1]) if step[1] is not None else step[2])
        at = step.end()
    if not separator or not path or at != len(field) or isinstance(path[0], int):
        raise CannotAssignError(f"{text!r} must be FIELD=VALUE, such as data.lines[0].quantity=3")
    try:
        return Assignment(tuple(path), decode_json(value.encode()))
    except Unreadable:
        return Assignment(tuple(path), value)


def edited(document: Any, assignments: Sequence[Assignment]) -> Any:
    """A copy of the document with these fields set; objects on the way are added. Raises CannotAssignError."""
    result = copy.deepcopy(document)
    for path, value in assignments:
        place = result
        for depth, step in enumerate(path):
            _expect_place(place, step, path[: depth + 1])
            if depth == len(path) - 1:
                _put(place, step, value)
                break
            if _at(place, step) is ABSENT:
                _put(place, step, {})
            place = _at(place, step)
    return result


def differences(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    """What differs between two documents, such as "data.lines[0].quantity: -3 → 3"."""
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


def _expect_place(place: Any, step: str | int, path: Sequence[str | int]) -> None:
    if isinstance(step, int):
        if not isinstance(place, list) or step > len(place):
            raise CannotAssignError(f"{path_of(path)}: the message has no such row")
    elif not isinstance(place, dict):
        raise CannotAssignError(f"{path_of(path)}: the message has no object there")


def _at(place: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return place[step] if step < len(place) else ABSENT
    return place.get(step, ABSENT)


def _put(place: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and step == len(place):
        place.append(value)
    else:
        place[step] = value


def _said(value: Any) -> str:
    return "absent" if value is ABSENT else shown(value)
