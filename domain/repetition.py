"""Repetition: messages of which one says, under another id, what an applied one of the same source said.

Pollers and retries do that daily. Equal in source, type, time and data is equal in effect, so the second is already so.
Equal facts have one time, so they are taken at one instant, and what waits wakes at one instant too. Hence it is enough
to know what took effect at the present instant.
"""

from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from domain.fact import Fact

Saying = tuple[str, str, datetime, tuple[Any, ...]]
"""(type, source, time, data): what such messages have in common."""


def saying_of(fact: Fact) -> Saying:
    """What the fact says, whatever its id."""
    return (fact.TYPE, fact.source, fact.occurred_at, fact.content)


def fingerprint(saying: Saying) -> str:
    """A short text by which a saying is known again when only the state of a settling was kept."""
    return blake2b(repr(_canonical(saying)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    """The same for equal values, whatever their form: 10 and 10.00, rows in any order."""
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(repr(_canonical(row)) for row in value)
    if isinstance(value, tuple):
        return [_canonical(part) for part in value]
    if isinstance(value, msgspec.Struct):
        return [_canonical(part) for part in msgspec.structs.astuple(value)]
    return value
