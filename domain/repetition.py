"""Repetition: a message that repeats an applied message of the same source under another id.

Pollers and retries cause this daily. Facts with equal source, type, time and data have equal effects, so the second is
already so. Equal facts have the same time and are taken at the same instant, and waiting facts also wake at one
instant. So it is enough to remember what took effect at the present instant.
"""

from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from domain.fact import Fact

Saying = tuple[str, str, datetime, tuple[Any, ...]]
"""(type, source, time, data): the common content of such messages."""


def saying_of(fact: Fact) -> Saying:
    """The content of the fact, without its id."""
    return (fact.TYPE, fact.source, fact.occurred_at, fact.content)


def fingerprint(saying: Saying) -> str:
    """A short text that identifies a content after only the state of a settling was stored."""
    return blake2b(repr(_canonical(saying)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    """Equal for equal values in any form: 10 and 10.00, rows in any order."""
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, date):  # a day, or an instant
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(repr(_canonical(row)) for row in value)
    if isinstance(value, tuple):
        return [_canonical(part) for part in value]
    if isinstance(value, msgspec.Struct):
        return [_canonical(part) for part in msgspec.structs.astuple(value)]
    return value
