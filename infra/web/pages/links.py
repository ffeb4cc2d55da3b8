"""Addresses of pages about one order, rep, account, part, message or letter. Ids may contain any character."""

from urllib.parse import quote, urlencode

from fastapi import Request


def own_path(request: Request) -> str:
    """The path of the page that was asked for, as it stands in an address: what is encoded stays encoded."""
    raw: bytes | None = request.scope.get("raw_path")
    return quote(request.url.path) if raw is None else raw.partition(b"?")[0].decode("ascii")


def order_path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def steps_path(order_id: str) -> str:
    """The stepper of an order. An order whose id ends with "/steps" has %2Fsteps in its own path."""
    return order_path(order_id) + "/steps"


def rep_path(rep_id: str) -> str:
    return f"/reps/{quote(rep_id, safe='')}"


def account_path(account_id: str) -> str:
    return f"/accounts/{quote(account_id, safe='')}"


def part_path(part: str) -> str:
    return f"/operations/parts/{quote(part, safe='')}"


def letter_path(letter_id: str) -> str:
    return f"/operations/dead-letters/letter?{urlencode({'id': letter_id})}"


def message_path(source: str, message_id: str) -> str:
    return f"/messages?{urlencode({'source': source, 'id': message_id})}"
