"""Addresses of the pages about one order, rep or account. Ids may contain any character, also a slash."""

from urllib.parse import quote


def order_path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def steps_path(order_id: str) -> str:
    """The stepper of an order. An order whose id ends with "/steps" has %2Fsteps in its own path."""
    return order_path(order_id) + "/steps"


def rep_path(rep_id: str) -> str:
    return f"/reps/{quote(rep_id, safe='')}"


def account_path(account_id: str) -> str:
    return f"/accounts/{quote(account_id, safe='')}"
