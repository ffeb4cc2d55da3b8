"""A JSON document for people, line by line, with the fields at fault marked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from consumers.contract.faults import Fault
from infra.serialization import json_text

INDENT = "  "
WHOLE = "message"
MISSING = "(missing)"


class MarkedLine(NamedTuple):
    """A line of the document; `mark` says what is wrong there, None if nothing is."""

    text: str
    mark: str | None


def marked_lines(document: Any, faults: Sequence[Fault]) -> list[MarkedLine]:
    """The lines of the document. A field that is missing has a line of its own, at the end of where it belongs."""
    marks = {fault.field: fault.rule for fault in faults}
    missing = [fault.field for fault in faults if not _has(document, fault.field)]
    return list(_lines(document, "", "", marks, missing, "", ""))


def _lines(
    value: Any, path: str, before: str, marks: Mapping[str, str], missing: Sequence[str], margin: str, after: str
) -> Iterator[MarkedLine]:
    mark = marks.get(path or WHOLE)
    parts, brackets = _parts(value, path)
    absent = [field for field in missing if _parent(field) == path] if isinstance(value, dict) else []
    if not parts and not absent:
        yield MarkedLine(f"{margin}{before}{json_text(value)}{after}", mark)
        return
    yield MarkedLine(f"{margin}{before}{brackets[0]}", mark)
    for number, (name, inner_path, part) in enumerate(parts, start=1):
        comma = "," if number < len(parts) else ""
        yield from _lines(part, inner_path, name, marks, missing, margin + INDENT, comma)
    for field in absent:
        yield MarkedLine(f"{margin}{INDENT}{json_text(field.rpartition('.')[2])}: {MISSING}", marks[field])
    yield MarkedLine(f"{margin}{brackets[1]}{after}", None)


def _parts(value: Any, path: str) -> tuple[list[tuple[str, str, Any]], str]:
    if isinstance(value, dict):
        inner = f"{path}." if path else ""
        return [(f"{json_text(str(name))}: ", f"{inner}{name}", part) for name, part in value.items()], "{}"
    if isinstance(value, list):
        return [("", f"{path}[{number}]", part) for number, part in enumerate(value)], "[]"
    return [], ""


def _parent(field: str) -> str:
    return field.rpartition(".")[0]


def _has(document: Any, field: str) -> bool:
    """Whether the document has the field, so that its own line can be marked."""
    if field == WHOLE:
        return True
    value = document
    for step in field.replace("[", ".[").split("."):
        if step.startswith("["):
            number = int(step[1:-1]) if step[1:-1].isdigit() else -1
            if not isinstance(value, list) or not 0 <= number < len(value):
                return False
            value = value[number]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return True
