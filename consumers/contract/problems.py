"""The wording of problems, so that the sender can correct the message."""

import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from consumers.contract.values import VALUE_IS_WRONG, WHOLE_IS_WRONG

LONGEST_REASON = 500
LONGEST_VALUE = 60
PROBLEMS_NAMED = 3
NAMES_COMPARED = 50
"""How many names of an object are compared with that of a missing field."""
_is_usual_name = re.compile(r"[A-Za-z0-9_-]{1,40}").fullmatch


def reason_for(problems: Iterable[str]) -> str:
    """Several problems in one line: the first three, and how many more there are; at most 500 characters."""
    distinct = list(dict.fromkeys(problems))
    rest = len(distinct) - PROBLEMS_NAMED
    ending = f"; and {rest} more" if rest > 0 else ""
    return cut("; ".join(distinct[:PROBLEMS_NAMED]), LONGEST_REASON - len(ending)) + ending


def problem(where: str, what: str) -> str:
    """One problem: the field's path, and what is wrong there. Control characters are escaped."""
    return f"{where}: {printable(what)}"


def problems_in(error: ValidationError, known: Collection[str] = ()) -> list[str]:
    """Pydantic's errors, in the words of the contract.

    `known` has the names of the type's fields: another name that looks like that of a missing field is probably meant.
    """
    return [_problem(details, known) for details in error.errors(include_url=False, include_context=True)]


def _problem(details: ErrorDetails, known: Collection[str]) -> str:
    return f"{path_of(details['loc'])}: {_saying(details, known)}"


def _saying(details: ErrorDetails, known: Collection[str]) -> str:
    kind = details["type"]
    found = shown(details["input"])
    if kind == VALUE_IS_WRONG:
        return f"{details['msg']}, but is {found}"
    if kind == WHOLE_IS_WRONG:
        return details["msg"]
    if kind == "missing":
        return f"must be given{_misspelt(details, known)}, but is missing"
    if kind == "literal_error":
        return f"must be {details['ctx']['expected'].replace(chr(39), '')}, but is {found}"
    if kind in ("model_type", "dict_type"):
        return f"must be an object, but is {found}"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list, but is {found}"
    return printable(f"{details['msg']}, but is {found}")


def _misspelt(details: ErrorDetails, known: Collection[str]) -> str:
    """The name that was probably sent instead of the missing field's, to be put into the problem."""
    sent, missing = details["input"], str(details["loc"][-1])
    if not known or not isinstance(sent, dict):
        return ""
    others = {_plain(name): name for name in islice(sent, NAMES_COMPARED) if name not in known and _is_usual_name(name)}
    near = get_close_matches(_plain(missing), others, n=1, cutoff=0.75)
    return f", perhaps instead of {others[near[0]]}" if near else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def path_of(location: Sequence[int | str]) -> str:
    """A field as people write it, such as "data.lines[0].quantity"."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path


def shown(value: Any) -> str:
    """A value as JSON, cut to 60 characters; lists and objects are only named."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # Cut before escaping: the value may be a megabyte long.
        return cut(f'"{_escaped(value[:LONGEST_VALUE])}"', LONGEST_VALUE)
    if isinstance(value, int):
        return cut(str(value), LONGEST_VALUE) if value.bit_length() < 1000 else "an integer of hundreds of digits"
    if isinstance(value, Decimal):
        return cut(str(value), LONGEST_VALUE)
    if isinstance(value, float):
        return f"the binary float {value!r}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f"of type {printable(type(value).__name__[:40])}"


def _escaped(value: str) -> str:
    """The text so that nothing in it can be taken for its end: `consumers.contract.faults` reads reasons again."""
    return printable(value.replace("\\", "\\\\").replace('"', '\\"').replace("…", "\\u2026"))


def printable(text: str) -> str:
    """The text with unprintable characters escaped: control characters, single surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def cut(text: str, length: int) -> str:
    """The text cut to this length, with an ellipsis at the end if it was longer."""
    return text if len(text) <= length else text[: length - 1] + "…"
