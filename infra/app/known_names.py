"""Names that a question gives: one that the store does not know is an error with the nearest names, never `none`.

Each check is a few look-ups into indexes, made where an answer is empty; what a sentence suggests is read only if a
name is unknown. A rep who holds open orders, and an account that an order names, are known without being registered.
"""

from collections.abc import Iterable

from consumers.contract.writing import instant_text
from domain.account.kind import ACCOUNT
from domain.derived import RESERVED_SOURCES
from domain.fact import FACT_CLASSES
from domain.kind import Kind
from domain.kinds import KINDS
from domain.nearest import NEAREST_NAMED, did_you_mean, near, suggested
from domain.operator.acts import OPERATOR_SOURCE
from domain.order.kind import ORDER
from domain.rep.kind import REP
from domain.streams import operator_stream, split_stream_name, stream_name, waiting_room
from infra.app.container import Waybill
from infra.app.nearest import nearest_accounts, nearest_orders, nearest_reps, unknown_source
from infra.app.search import orders_one_digit_off
from infra.app.store_standing import StoreStanding, store_standing
from infra.queries.dead_letters import DeadLetterFilter
from infra.queries.known_names import Claim, KnownNames, ShippedBy
from infra.store.projected.serving import NotFilledError

OUR_SOURCES = (OPERATOR_SOURCE, RESERVED_SOURCES)
"""How the sources of Waybill's own messages begin; a store may well have none of them yet."""


class UnknownNameError(Exception):
    """The store does not know a name; the message says so, with the nearest names.

    `standing` is where the store stands, since the name may come with what it has not read yet.
    """

    def __init__(self, said: str, standing: StoreStanding):
        super().__init__(said)
        self.standing = standing


class UnknownTypeError(ValueError):
    """There is no such message type, so no store will ever have one; the message names the nearest."""


def expect_rep(waybill: Waybill, rep_id: str) -> None:
    """Raise UnknownNameError for a rep of whom no message speaks."""
    if not rep_id:
        raise UnknownNameError("the id of the rep is empty: is a variable not set?", store_standing(waybill))
    if _exists(waybill, stream_name(REP, rep_id)):
        return
    if not _names(waybill).holds_work(rep_id) and not _names(waybill).has_worked(rep_id):
        raise _unknown(waybill, f"no message speaks of rep {rep_id}", _near_reps(waybill, rep_id))


def expect_account(waybill: Waybill, account_id: str) -> None:
    """Raise UnknownNameError for an account of which no message speaks, and which no order names.

    Of an account that was never registered, it looks through the orders.
    """
    if _exists(waybill, stream_name(ACCOUNT, account_id)):
        return
    if not _names(waybill).is_named_by_an_order(account_id):
        raise _unknown(waybill, f"no account {account_id} is known", _near_accounts(waybill, account_id))


def unknown_order(waybill: Waybill, order_id: str) -> UnknownNameError:
    """Why nothing is known of an order by the clocks of the question: nothing at all, or nothing yet."""
    events = waybill.history.stream(stream_name(ORDER, order_id))
    if not events:
        return _unknown(waybill, f"nothing is known of order {order_id}", _near_orders(waybill, order_id))
    first = events[0].event
    occurred = getattr(first, "occurred_at", first.recorded_at)
    return UnknownNameError(
        f"nothing was known of order {order_id} by then: its first message to arrive was recorded at "
        f"{instant_text(first.recorded_at)} (what it tells happened at {instant_text(occurred)})",
        store_standing(waybill),
    )


def expect_stream(waybill: Waybill, stream: str) -> None:
    """Raise UnknownNameError for a stream without events."""
    if _exists(waybill, stream):
        return
    try:
        kind, subject = split_stream_name(stream)
    except ValueError:
        named = (*(stream_name(each, stream) for each in KINDS), waiting_room(stream), operator_stream(stream))
        nearest = sorted(waybill.history.existing(named))
        nearest = nearest or [stream_name(ORDER, each) for each in _near_orders(waybill, stream)]
    else:
        nearest = [stream_name(kind, each) for each in _near_subjects(waybill, kind, subject)] if kind else []
    raise _unknown(waybill, f"there is no stream {stream}", nearest)


def expect_source(waybill: Waybill, source: str) -> None:
    """Raise UnknownNameError for a source of which no well-formed message is known."""
    unknown = None if source.startswith(OUR_SOURCES) else unknown_source(source, waybill.messages)
    if unknown is not None:
        raise _unknown(waybill, unknown, ())


def expect_selected(waybill: Waybill, source: str | None, subject: str | None) -> None:
    """Raise UnknownNameError for a source or a subject by which messages are selected and that no message has."""
    if source is not None:
        expect_source(waybill, source)
    if subject is not None:
        _expect_subject(waybill, subject)


def expect_letter_names(waybill: Waybill, wanted: DeadLetterFilter) -> None:
    """Raise an error for what a filter of letters names and the store does not know. Ask it where no letter matches.

    Raises UnknownNameError, and UnknownTypeError for a type that is none. Malformed messages claim what they like, so
    what one of them claims is known.
    """
    names = _names(waybill)
    if wanted.type is not None and wanted.type not in FACT_CLASSES and not names.is_claimed(Claim.TYPE, wanted.type):
        raise UnknownTypeError(f"there is no message type {wanted.type}{did_you_mean(wanted.type, FACT_CLASSES)}")
    if wanted.source is not None and not names.is_claimed(Claim.SOURCE, wanted.source):
        expect_source(waybill, wanted.source)
    if wanted.subject is not None:
        _expect_subject(waybill, wanted.subject)
    if wanted.topic is not None:
        _expect_topic(waybill, wanted.topic)


def expect_quoted(waybill: Waybill, carrier: str | None, service_level: str | None) -> None:
    """Raise UnknownNameError for a carrier or a service level of which there is no shipment.

    It looks through the shipments, as the quote itself does.
    """
    names = _names(waybill)
    for what, name in ((ShippedBy.CARRIER, carrier), (ShippedBy.SERVICE_LEVEL, service_level)):
        if name is not None and not names.has_shipped(what, name):
            raise _unknown(waybill, f"no shipment has the {what.value} {name}", near(name, names.shipped(what)))


def _expect_subject(waybill: Waybill, subject: str) -> None:
    streams = (*(stream_name(kind, subject) for kind in KINDS), waiting_room(subject))
    if waybill.history.existing(streams) or _names(waybill).is_claimed(Claim.SUBJECT, subject):
        return
    nearest = [*_near_orders(waybill, subject), *_near_reps(waybill, subject), *_near_accounts(waybill, subject)]
    raise _unknown(waybill, f"no message is about {subject}", nearest[:NEAREST_NAMED])


def _expect_topic(waybill: Waybill, topic: str) -> None:
    names = _names(waybill)
    if not names.has_topic(topic):
        raise _unknown(waybill, f"nothing came by {topic}", near(topic, names.topics()))


def _unknown(waybill: Waybill, said: str, nearest: Iterable[str]) -> UnknownNameError:
    standing = store_standing(waybill)
    return UnknownNameError(said + suggested(nearest) + _why(standing), standing)


def _why(standing: StoreStanding) -> str:
    """Why the name may be unknown although it is right: an empty store, or views that are behind."""
    if not standing.received:
        return f"; the store {standing.store} is empty: no message was ever received"
    return "; the views are behind, so ask again after waybill project --once" if standing.behind else ""


def _exists(waybill: Waybill, stream: str) -> bool:
    return bool(waybill.history.existing([stream]))


def _names(waybill: Waybill) -> KnownNames:
    return KnownNames(waybill.engine)


def _near_subjects(waybill: Waybill, kind: Kind, subject: str) -> list[str]:
    if kind is ORDER:
        return _near_orders(waybill, subject)
    if kind is REP:
        return _near_reps(waybill, subject, names=False)
    return _near_accounts(waybill, subject) if kind is ACCOUNT else []


def _near_orders(waybill: Waybill, order_id: str) -> list[str]:
    nearest = nearest_orders(order_id, waybill.history)
    # The same id in other letters is meant; a number is mistyped by a digit more often than otherwise.
    same = [each for each in nearest if each.lower() == order_id.lower()]
    nearest = [*same, *orders_one_digit_off(waybill.history, order_id), *nearest]
    return list(dict.fromkeys(nearest))[:NEAREST_NAMED]


def _near_reps(waybill: Waybill, rep_id: str, *, names: bool = True) -> list[str]:
    """Registered reps by id and name, then ids of reps who hold orders without being registered."""
    try:
        reps = waybill.desk.reps()
        holding = _names(waybill).reps_with_orders()
    except NotFilledError:
        return []
    registered = [f"{rep.rep_id} ({rep.name})" if names else rep.rep_id for rep in nearest_reps(rep_id, reps)]
    return (registered + near(rep_id, (each for each in holding if each not in reps)))[:NEAREST_NAMED]


def _near_accounts(waybill: Waybill, account_id: str) -> list[str]:
    """Registered accounts, then those that only an order names."""
    try:
        named = _names(waybill).accounts_of_orders()
        nearest = [*nearest_accounts(account_id, waybill.desk), *near(account_id, named)]
    except NotFilledError:
        return []
    return list(dict.fromkeys(nearest))[:NEAREST_NAMED]
