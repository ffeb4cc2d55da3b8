"""Characters that are not allowed anywhere in a message, not even in unknown fields."""

from collections.abc import Mapping
from typing import Any

from consumers.contract.problems import path_of, printable, problem


def stray_character(document: Any) -> str | None:
    """The first NUL or single surrogate in the texts and names of decoded JSON, as a problem; None if there is none.

    Those in known fields were found earlier by the fields' own checks.
    """
    unread: list[tuple[tuple[int | str, ...], Any]] = [((), document)]
    while unread:
        path, value = unread.pop()
        if isinstance(value, str):
            if found := _objection(value):
                return problem(path_of(path), found)
        elif isinstance(value, Mapping):
            for name in value:
                if found := _objection(name):
                    return problem(path_of((*path, printable(name))), f"its name {found}")
            unread += [((*path, name), part) for name, part in reversed(list(value.items()))]
        elif isinstance(value, list):
            unread += [((*path, index), value[index]) for index in range(len(value) - 1, -1, -1)]
    return None


def _objection(text: str) -> str | None:
    if text.isprintable():
        return None
    if "\0" in text:
        return "must be without NUL characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "must be whole Unicode characters, without single surrogates"
    return None
