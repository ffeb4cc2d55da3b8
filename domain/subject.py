"""Orders, reps and accounts as aggregates: each a stream of events with a readable name.

An aggregate's apply only files the fact. What the facts mean is settled when someone asks.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from eventsourcing.domain import BaseAggregate

from domain.account.decider import AccountDecider
from domain.fact import MESSAGE_TYPES, Fact
from domain.order.decider import OrderDecider
from domain.record import VerdictChanged
from domain.rep.decider import RepDecider
from domain.settling import Decider, Settling, settle, up_to


class Kind(StrEnum):
    """What a message can be about; also the beginning of the stream's name."""

    ORDER = "order"
    REP = "rep"
    ACCOUNT = "account"


_KIND_OF_FAMILY = {
    "order": Kind.ORDER,
    "expedite": Kind.ORDER,
    "shipment": Kind.ORDER,
    "delivery": Kind.ORDER,
    "customer.informed": Kind.ORDER,
    "customer.contacted": Kind.ACCOUNT,
    "rep": Kind.REP,
    "account": Kind.ACCOUNT,
}


def _kind_of_type(message_type: str) -> Kind | None:
    family, verb, _ = message_type.split(".")
    return _KIND_OF_FAMILY.get(family) or _KIND_OF_FAMILY.get(f"{family}.{verb}")


KIND_OF_TYPE: Mapping[str, Kind | None] = {name: _kind_of_type(name) for name in MESSAGE_TYPES}
"""Message type to the kind of its subject; None for a void, which goes where the message that it names is."""

DECIDER_OF: Mapping[Kind, Decider[Any]] = {
    Kind.ORDER: OrderDecider(),
    Kind.REP: RepDecider(),
    Kind.ACCOUNT: AccountDecider(),
}

# A void of a message that nobody has heard of yet waits here, for its subject's kind is not known either.
WAITING_ROOM = "void"


def stream_name(kind: Kind, subject_id: str) -> str:
    """The stream of a subject, such as "order-SO-10248"."""
    return f"{kind}-{subject_id}"


def waiting_room(subject_id: str) -> str:
    """The stream in which a void waits until the message that it names is known."""
    return f"{WAITING_ROOM}-{subject_id}"


def is_waiting_room(stream: str) -> bool:
    """Whether the stream is one in which voids wait."""
    return stream.startswith(f"{WAITING_ROOM}-")


def split_stream_name(stream: str) -> tuple[Kind | None, str]:
    """The kind and the subject's id; the kind is None for a waiting room."""
    prefix, _, subject_id = stream.partition("-")
    return (None if prefix == WAITING_ROOM else Kind(prefix)), subject_id


def settle_stream(stream: str, facts: list[Fact], *, watched: bool = True) -> Settling[Any]:
    """Settle the facts of one stream by the rules of its kind. A waiting room has voids alone, which need no rules."""
    kind, subject_id = split_stream_name(stream)
    return settle(DECIDER_OF[kind or Kind.ACCOUNT], subject_id, facts, watched=watched)


class SubjectAggregate(BaseAggregate[str]):
    """What orders, reps and accounts have in common: facts are filed, in the order of arrival."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.verdict_changes: list[VerdictChanged] = []

    @property
    def subject_id(self) -> str:
        return split_stream_name(self.id)[1]

    def file(self, fact_class: type[Fact], **said: Any) -> None:
        """File one more fact as the stream's next event."""
        fact = fact_class(originator_id=self.id, originator_version=self.version + 1, **said)
        fact.mutate(self)
        self.pending_events.append(fact)

    def settle(self, occurred: datetime | None = None, recorded: datetime | None = None) -> Settling[Any]:
        """How the subject stands by what had occurred and was recorded by these instants (None: all there is)."""
        return settle_stream(self.id, up_to(self.facts, occurred, recorded))


# No annotations in these classes: the library would make dataclasses of them, with an __init__ of its own.
class Order(SubjectAggregate):
    """What was said about one order."""


class Rep(SubjectAggregate):
    """What was said about one rep."""


class Account(SubjectAggregate):
    """What was said about one account."""


AGGREGATE_OF: Mapping[Kind, type[SubjectAggregate]] = {Kind.ORDER: Order, Kind.REP: Rep, Kind.ACCOUNT: Account}


def open_subject(stream: str, opened_at: datetime) -> SubjectAggregate:
    """An aggregate before its first event.

    For whoever uses the library's repository, to read a subject or to file single facts. Ingest files whole batches
    (consumers/ingest/filing.py) and needs no aggregate in memory. The library would make the first event a special
    one that constructs the aggregate; here any event may come first, so the shell is made by hand.
    """
    kind, _ = split_stream_name(stream)
    if kind is None:
        raise ValueError(f"{stream} is a waiting room of voids, not an aggregate")
    aggregate_class = AGGREGATE_OF[kind]
    aggregate = aggregate_class.__new__(aggregate_class)
    aggregate.__base_init__(originator_id=stream, originator_version=0, timestamp=opened_at)
    aggregate.__init__()  # type: ignore[misc]
    return aggregate
