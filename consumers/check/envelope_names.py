"""Names in a message that the reader passes over in silence: misspelt attributes, and names given twice."""

import json
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from consumers.contract.envelope import Envelope
from consumers.contract.problems import cut, printable

_ATTRIBUTES = tuple(Envelope.model_fields)
_MOST_NAMED = 20
_LONGEST_NAME = 200


def attributes_and_names_given_twice(body: bytes) -> tuple[Collection[str], Sequence[str]]:
    """The names of the event's attributes, and those that one object in it has twice: printable, at most 20 each."""
    twice: dict[str, None] = {}

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    twice.setdefault(_shown(name))
                seen.add(name)
        return found

    try:
        document = json.loads(body, object_pairs_hook=as_object, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return (), ()
    attributes = [_shown(name) for name in document] if isinstance(document, dict) else []
    return attributes[:_MOST_NAMED], list(twice)[:_MOST_NAMED]


def is_misspelt_attribute(name: str) -> bool:
    """Whether it is no attribute, but looks like one: CloudEvents writes names in lower case and without marks."""
    return name not in _ATTRIBUTES and bool(meant_attribute(name))


def meant_attribute(name: str) -> str:
    """The attribute that this one looks like, for the end of a warning."""
    plain = name.lower().replace("_", "").replace("-", "")
    near = get_close_matches(plain, _ATTRIBUTES, n=1, cutoff=0.85)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(name: str) -> str:
    return cut(printable(name[: _LONGEST_NAME + 1]), _LONGEST_NAME)
