"""Cursors: where the next page of an answer begins, as one opaque word for an address.

A cursor holds the instant of the first page, so that all pages have one T, and a digest of the query, so that a cursor
of another query is refused.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from consumers.contract.writing import instant_text
from infra.queries.view_filters import LONGEST_WHOLE, WrongQueryError
from infra.queries.view_order import SortTerm
from projections.views.columns import EPOCH

CURSOR = "cursor"
DIGEST_BYTES = 9


class Cursor(NamedTuple):
    """`query` is the digest of the query, `instant` its T, and `values` are those of the last row's sort terms."""

    query: str
    instant: datetime
    values: Sequence[Any]


def digest_of(*query: Any) -> str:
    """A digest of everything that the pages of one answer have in common."""
    told = msgspec.json.encode(query)
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()[:DIGEST_BYTES]).decode()


def cursor_text(cursor: Cursor) -> str:
    """The cursor for an address."""
    values = [_told(value) for value in cursor.values]
    told = msgspec.json.encode([cursor.query, _told(cursor.instant), values])
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The cursor in an address; its values are not converted yet. Raises WrongQueryError."""
    try:
        told = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        query, instant, values = msgspec.json.decode(told, type=tuple[str, str, list[Any]])
        return Cursor(query, _instant(instant), values)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, ValueError):
        raise WrongQueryError(CURSOR, "it is not one of ours; give the `next` of an answer, or leave it out") from None


def values_for(cursor: Cursor, terms: Sequence[SortTerm]) -> list[Any]:
    """The values of the cursor, by the types of the terms. Raises WrongQueryError if they do not fit."""
    return values_of(cursor, *(term.type for term in terms))


def values_of(cursor: Cursor, *types: type) -> list[Any]:
    """The values of the cursor, by these types. Raises WrongQueryError if they do not fit."""
    try:
        return [_value(value, wanted) for value, wanted in zip(cursor.values, types, strict=True)]
    except (TypeError, ValueError, ArithmeticError):
        raise WrongQueryError(CURSOR, "it does not fit the query; ask for the first page again") from None


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return format(value, "f") if isinstance(value, Decimal) else value


def _value(told: Any, wanted: type) -> Any:
    if told is None:
        return None
    if wanted is datetime:
        return _instant(told)
    if wanted is Decimal:
        number = Decimal(told)
        if not number.is_finite():
            raise ValueError(told)
        return number
    if type(told) is not wanted:
        raise TypeError(told)
    if (isinstance(told, int) and abs(told) > LONGEST_WHOLE) or (isinstance(told, str) and "\0" in told):
        raise ValueError(told)
    return told


def _instant(told: str) -> datetime:
    instant = datetime.fromisoformat(told)
    if instant.tzinfo is None:
        raise ValueError(told)
    return instant.astimezone(EPOCH.tzinfo)
