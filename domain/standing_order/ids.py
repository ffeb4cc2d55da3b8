"""Ids of what follows from standing orders: each is the standing order's id and a date, and ends with the date."""

import hashlib
from datetime import date

from domain.ids import MAX_ID_LENGTH

DATE_LENGTH = len("2026-03-09")
_LONGEST_NAME = MAX_ID_LENGTH - DATE_LENGTH - len("-")
_DIGEST_LENGTH = 40


def order_id_of(standing_order_id: str, due_on: date) -> str:
    """The id of the order that is placed for a date."""
    return _dated(standing_order_id, due_on)


def placing_id_of(standing_order_id: str, due_on: date) -> str:
    """The id of the message that places this order."""
    return _dated(f"placed-{standing_order_id}", due_on)


def missing_id_of(standing_order_id: str, due_on: date) -> str:
    """The id of the message that says that a date was missed."""
    return _dated(f"missed-{standing_order_id}", due_on)


def due_on_of(dated_id: str) -> date:
    """The date of an id from this file. Raises ValueError for an id that does not end with a date."""
    return date.fromisoformat(dated_id[-DATE_LENGTH:])


def name_of(standing_order_id: str) -> str:
    """The id of a standing order as it is in the ids of its orders: cut and made unique by a digest if it is long."""
    if len(standing_order_id) <= _LONGEST_NAME:
        return standing_order_id
    digest = hashlib.sha256(standing_order_id.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{standing_order_id[: _LONGEST_NAME - len(digest) - 1]}~{digest}"


def name_in(order_id: str) -> str | None:
    """The `name_of` the standing order that may have placed this order; None if the id is not one of such an order."""
    name, dash = order_id[: -DATE_LENGTH - 1], order_id[-DATE_LENGTH - 1 : -DATE_LENGTH]
    if not name or dash != "-":
        return None
    try:
        due_on_of(order_id)
    except ValueError:
        return None
    return name


def can_be_cut(name: str) -> bool:
    """Whether such a name can be that of a standing order with a longer id."""
    return len(name) == _LONGEST_NAME


def _dated(name: str, day: date) -> str:
    return f"{name_of(name)}-{day.isoformat()}"
