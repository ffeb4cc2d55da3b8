"""Errors of a worker process on their way to the process that leads it, which raises them itself.

So people read the same words, with the same exit code, as of one process. Pickling alone does not do: it makes an error
anew from its message, and many classes are made from something else or add to what they are given.
"""

import pickle
from typing import Any, NamedTuple


class _TakenApart(NamedTuple):
    """An error without the call that made it."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]


def packed(error: Exception) -> bytes | None:
    """The error as bytes; None if it would not arrive as what it is, with the same words."""
    return _packed_as(error, error) or _packed_as(_TakenApart(type(error), error.args, vars(error)), error)


def unpacked(sent: bytes) -> Exception:
    """The error that was packed. Only for bytes of our own processes."""
    found: Exception | _TakenApart = pickle.loads(sent)
    if isinstance(found, Exception):
        return found
    error = found.kind.__new__(found.kind, *found.arguments)
    vars(error).update(found.attributes)
    return error


def _packed_as(form: Exception | _TakenApart, error: Exception) -> bytes | None:
    try:
        sent = pickle.dumps(form)
        arrived = unpacked(sent)
    except Exception:  # pickling runs code of the error's class, which can fail in any way
        return None
    return sent if (type(arrived), str(arrived)) == (type(error), str(error)) else None
