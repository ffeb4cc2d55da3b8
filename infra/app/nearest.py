"""Names of the store that are near to one that it does not know, for the end of a message."""

from collections.abc import Mapping
from itertools import islice, takewhile

from domain.nearest import NEAREST_NAMED, did_you_mean, near, suggested
from domain.order.kind import ORDER
from domain.streams import stream_name
from infra.queries.desk import Desk, Rep
from infra.queries.malformed_claims import MalformedClaims
from infra.queries.messages import Messages
from infra.store.events.history import History
from infra.store.projected.serving import NotFilledError

SOURCES_READ = 1_000
"""With more sources, those beyond are not suggested."""
ORDERS_READ = 100
IDS_READ = 100
MOST_LEFT_OUT = 4
"""How many last characters of an order's or a message's id may be wrong."""


def nearest_reps(rep_id: str, reps: Mapping[str, Rep]) -> list[Rep]:
    """Registered reps whose id or name is like this text in any case of its letters, the likest first."""
    registered = {rep.rep_id: rep for rep in reps.values() if rep.registered}
    by_text = {rep.name.lower(): rep.rep_id for rep in registered.values()} | {id.lower(): id for id in registered}
    return [registered[id] for id in dict.fromkeys(by_text[text] for text in near(rep_id, by_text))]


def nearest_rep(rep_id: str, reps: Mapping[str, Rep]) -> str:
    """The same for the end of a message."""
    return suggested(f"{rep.rep_id} ({rep.name})" for rep in nearest_reps(rep_id, reps))


def never_registered(desk: Desk, rep_id: str) -> str | None:
    """A sentence about a rep who was never registered; None for one who was, or while the views are being filled."""
    try:
        reps = desk.reps()
    except NotFilledError:
        return None
    return None if rep_id in reps else f"no rep {rep_id} was ever registered{nearest_rep(rep_id, reps)}"


def nearest_accounts(account_id: str, desk: Desk) -> list[str]:
    """Accounts whose id is like this text, the likest first."""
    return near(account_id, desk.account_ids())


def nearest_account(account_id: str, desk: Desk) -> str:
    """The same for the end of a message."""
    return suggested(nearest_accounts(account_id, desk))


def nearest_orders(order_id: str, history: History) -> list[str]:
    """Ids of orders that are like this text, the likest first. It reads few names: those beside it in the store."""
    first = _orders_after(history, "", 1)
    # A number alone, where ids have letters before it: SO-10248 for 10248.
    lettered = "".join(takewhile(lambda letter: not letter.isdigit(), first[0] if first else "")) + order_id
    found: dict[str, None] = {}
    for text in (order_id, order_id.upper(), lettered):
        for left_out in range(min(len(text), MOST_LEFT_OUT) + 1):
            found.update(dict.fromkeys(_orders_after(history, text[: len(text) - left_out], ORDERS_READ)))
    wanted = (order_id.lower(), lettered.lower())
    longer = [each for each in found if each.lower().startswith(wanted)]
    like = [each for text in wanted for each in near(text, found)]
    return list(dict.fromkeys([*longer, *like]))[:NEAREST_NAMED]


def _orders_after(history: History, beginning: str, most: int) -> list[str]:
    prefix = stream_name(ORDER, "")
    streams = history.streams_beside(prefix + beginning, most)
    return [stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)]


def unknown_source(source: str, messages: Messages) -> str | None:
    """A sentence about a source of which no message is known, with the nearest known one; None for a known source."""
    if messages.has_source(source):
        return None
    known = list(islice(messages.sources(), SOURCES_READ))
    return f"no message of {source} is known{did_you_mean(source, known)}"


def nearest_ids(source: str, message_id: str, messages: Messages, claims: MalformedClaims) -> list[str]:
    """Ids of this source's messages that are like this text, the likest first; malformed ones count by their claims.

    It reads few ids: those beside it in the store.
    """
    found = dict.fromkeys(claims.ids_claimed(source))
    for text in dict.fromkeys((message_id, message_id.upper(), message_id.lower())):
        for left_out in range(min(len(text), MOST_LEFT_OUT) + 1):
            found.update(dict.fromkeys(messages.ids_after(source, text[: len(text) - left_out], IDS_READ)))
    return near(message_id, found)


def nearest_id(source: str, message_id: str, messages: Messages, claims: MalformedClaims) -> str:
    """The same for the end of a message."""
    return suggested(nearest_ids(source, message_id, messages, claims))
