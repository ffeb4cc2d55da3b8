"""Search: from what somebody typed to the order, rep or account that is meant.

People type a number without its letters, another case, a name, a reference, a tracking number, or a digit wrong. What
has exactly that id, reference, number or name is `certain`; what is only like it is offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile

from domain.account.kind import ACCOUNT
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.rep.kind import REP
from domain.streams import split_stream_name, stream_name
from infra.app.container import Waybill
from infra.app.nearest import nearest_accounts, nearest_orders, nearest_reps
from infra.queries.desk import Rep
from infra.queries.found import accounts_named, orders_with_reference, orders_with_tracking_number
from infra.store.events.history import History
from infra.store.projected.serving import NotFilledError

BEGINNINGS = 5
"""How many ways in which ids of orders begin are tried before a number."""
DIGITS = "0123456789"
LONGEST_MISTYPED = 30
"""Longer texts are not tried with a digit changed."""


class What(Enum):
    """What is found."""

    ORDER = "order"
    REP = "rep"
    ACCOUNT = "account"
    PARCEL = "parcel"


KINDS: Sequence[tuple[Kind, What]] = ((ORDER, What.ORDER), (REP, What.REP), (ACCOUNT, What.ACCOUNT))
"""What an id may be of, in the order in which they are tried."""


@dataclass(frozen=True)
class Hit:
    """One that was found. `why` says how it fits, for people; `name` is that of a rep or account."""

    what: What
    id: str
    why: str
    name: str | None = None
    certain: bool = False


@dataclass(frozen=True)
class Search:
    """What was found for a text, the surest first. `all_references`: whether every order's reference was looked at."""

    hits: Sequence[Hit]
    all_references: bool = True

    @property
    def certain(self) -> Hit | None:
        """The one that is meant, if that is beyond doubt."""
        sure = [hit for hit in self.hits if hit.certain]
        return sure[0] if len(sure) == 1 else None


def search(waybill: Waybill, text: str) -> Search:
    """Find what somebody typed, by what is known now. An id decides by itself; the rest is looked up together."""
    wanted = " ".join(text.split())
    if not wanted:
        return Search(())
    if by_id := _by_id(waybill.history, wanted):
        return Search(by_id)
    try:
        referenced = orders_with_reference(waybill.engine, wanted)
        hits = [Hit(What.ORDER, id, f"has the reference {wanted}", certain=True) for id in referenced.order_ids]
        hits += _by_tracking_number(waybill, wanted)
        hits += _by_name(waybill, wanted)
        if not hits:
            hits = _nearest(waybill, wanted)
    except NotFilledError:
        return Search(_near_orders(waybill.history, wanted))
    return Search(hits, referenced.whole)


def _by_id(history: History, wanted: str) -> list[Hit]:
    """The subject that has this id: as typed, else in another case, with a hyphen for the space, or with the letters
    with which ids of orders begin."""
    joined = dict.fromkeys((wanted, wanted.replace(" ", "-"), wanted.replace(" ", "")))
    spellings = list(dict.fromkeys(cased for one in joined for cased in (one, one.upper(), one.lower())))
    tried = [(kind, what, id) for id in spellings for kind, what in KINDS]
    before, number = _split_number(wanted)
    if number:
        tried += [(ORDER, What.ORDER, each + number) for each in _beginnings_like(history, before)]
    existing = history.existing(stream_name(kind, id) for kind, _, id in tried)
    found = next(((what, id) for kind, what, id in tried if stream_name(kind, id) in existing), None)
    return [] if found is None else [Hit(*found, "has this id", certain=True)]


def _split_number(wanted: str) -> tuple[str, str]:
    """What stands before the digits at the end, and these digits."""
    number = "".join(takewhile(str.isdecimal, reversed(wanted)))[::-1]
    return wanted[: len(wanted) - len(number)], number


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text)).casefold()


def _beginnings_like(history: History, before: str) -> list[str]:
    """The beginnings of orders' ids with these letters, whatever stands between; all of them for no letters."""
    letters = _letters(before)
    return [each for each in _beginnings(history) if not letters or _letters(each) == letters]


def _beginnings(history: History) -> list[str]:
    """The letters before the digits of orders' ids, a few: each is found by its place in the index."""
    found: list[str] = []
    after = ""
    while len(found) < BEGINNINGS:
        streams = history.next_streams(stream_name(ORDER, after), [ORDER], 1)
        if not streams:
            break
        id = split_stream_name(streams[0][0])[1]
        letters = "".join(takewhile(lambda char: not char.isdigit(), id))
        found.append(letters)
        # Past every id that begins so and goes on with a digit: ":" follows "9".
        after = f"{letters}:" if letters != id else f"{id}\x7f"
    return found


def _by_tracking_number(waybill: Waybill, wanted: str) -> list[Hit]:
    numbers = list(dict.fromkeys((wanted, wanted.replace(" ", ""), wanted.upper().replace(" ", ""))))
    for number in numbers:
        if orders := orders_with_tracking_number(waybill.engine, number):
            why = f"has a shipment with the tracking number {number}"
            return [Hit(What.ORDER, id, why, certain=True) for id in orders]
    unmatched = waybill.history.existing(stream_name(PARCEL, number) for number in numbers)
    return [
        Hit(What.PARCEL, number, "a carrier speaks of it, and no shipment has it", certain=True)
        for number in numbers
        if stream_name(PARCEL, number) in unmatched
    ][:1]


def _by_name(waybill: Waybill, wanted: str) -> list[Hit]:
    """Reps and accounts by name; only one of several can be meant, so one alone is certain."""
    words = wanted.casefold()

    def matches(name: str) -> bool | None:
        folded = " ".join(name.casefold().split())
        return True if folded == words else False if words in folded else None

    named = [(What.REP, rep.rep_id, _rep_name(rep), matches(rep.name)) for rep in waybill.desk.reps().values()]
    named += [(What.ACCOUNT, one.account_id, one.name, one.whole) for one in accounts_named(waybill.engine, matches)]
    found = [one for one in named if one[3] is not None]
    whole = [one for one in found if one[3]]
    sure = whole if len(whole) == 1 else found if len(found) == 1 else []
    found.sort(key=lambda one: not one[3])
    return [
        Hit(
            what,
            id,
            "has this name" if is_whole else "has it in the name",
            name,
            certain=(what, id, name, is_whole) in sure,
        )
        for what, id, name, is_whole in found
    ]


def _rep_name(rep: Rep) -> str:
    return rep.name if rep.registered else f"{rep.name} (has left)"


def _nearest(waybill: Waybill, wanted: str) -> list[Hit]:
    reps = waybill.desk.reps()
    hits = _near_orders(waybill.history, wanted)
    hits += [Hit(What.REP, rep.rep_id, "is like it", rep.name) for rep in nearest_reps(wanted, reps)]
    hits += [Hit(What.ACCOUNT, id, "is like it") for id in nearest_accounts(wanted, waybill.desk)]
    return hits


def _near_orders(history: History, wanted: str) -> list[Hit]:
    """Orders whose id differs by one digit, then those beside it in the store."""
    hits = [Hit(What.ORDER, id, "differs by one digit") for id in orders_one_digit_off(history, wanted)]
    named = {hit.id for hit in hits}
    near = nearest_orders(wanted.replace(" ", "-"), history) if any(map(str.isdigit, wanted)) else []
    return hits + [Hit(What.ORDER, id, "is like it") for id in near if id not in named]


def orders_one_digit_off(history: History, wanted: str) -> list[str]:
    """Orders whose number has one digit more, less or other than the one typed, or two changed places, by id."""
    before, number = _split_number(wanted)
    if not number.isascii() or not 2 <= len(number) <= LONGEST_MISTYPED:
        return []
    beginnings = _beginnings_like(history, before)
    variants = _one_digit_off(number)
    streams = {stream_name(ORDER, each + variant): each + variant for each in beginnings for variant in variants}
    return sorted(streams[stream] for stream in history.existing(streams))


def _one_digit_off(number: str) -> set[str]:
    cuts = [(number[:place], number[place:]) for place in range(len(number) + 1)]
    variants = {head + digit + tail for head, tail in cuts for digit in DIGITS}
    variants |= {head + tail[1:] for head, tail in cuts if tail}
    variants |= {head + digit + tail[1:] for head, tail in cuts if tail for digit in DIGITS}
    variants |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    return variants - {number}
