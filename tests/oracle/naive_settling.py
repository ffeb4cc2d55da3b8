"""How the naive interpreter settles a subject: the five rules of docs/settling.md, and what reps and accounts are."""

from collections.abc import Iterable
from datetime import UTC, datetime

from tests.oracle.naive_order import Subject
from tests.oracle.naive_reading import Key, Message, Row


class Rep(Subject):
    def __init__(self, rep_id: str):
        self.rep_id = rep_id
        self.fields: Row | None = None
        self.left = False
        self.quotas: dict[tuple[str, str], Row] = {}
        """By month and currency."""
        self.plans: dict[str, Row] = {}
        """By their first month."""

    def waits(self, message: Message) -> bool:
        return message.type in ("rep.changed.v1", "rep.left.v1") and self.fields is None

    def take(self, message: Message, now: datetime) -> str:
        if message.type == "rep.registered.v1":
            self.fields, self.left = dict(message.data), False
        elif message.type == "rep.changed.v1" and self.fields is not None:
            self.fields |= message.data
        elif message.type == "rep.left.v1":
            if self.left:
                return "duplicate"
            self.left = True
        elif message.type == "rep.quota_set.v1":
            self.quotas[message.data["month"], message.data["currency"]] = message.data
        elif message.type == "rep.pay_plan_set.v1":
            self.plans[message.data["month"]] = message.data
        return "applied"


class Account(Subject):
    def __init__(self, account_id: str):
        self.contacts: list[tuple[str, datetime, str]] = []
        self.fields: Row = {}

    def take(self, message: Message, now: datetime) -> str:
        if message.type == "customer.contacted.v1":
            self.contacts.append((message.data["rep_id"], now, message.data["about"]))
        elif message.type == "account.registered.v1":
            self.fields = dict(message.data)
        elif message.type == "account.assigned.v1":
            self.fields |= message.data
        return "applied"


class StandingOrder(Subject):
    def __init__(self, standing_order_id: str):
        self.terms: Row | None = None
        self.stopped = False

    def waits(self, message: Message) -> bool:
        return message.type == "standing_order.stopped.v1" and self.terms is None

    def take(self, message: Message, now: datetime) -> str:
        if message.type == "standing_order.established.v1":
            self.terms, self.stopped = message.data, False
        elif self.stopped:
            return "duplicate"
        else:
            self.stopped = True
        return "applied"


class Parcel(Subject):
    def __init__(self, tracking_number: str):
        self.messages = 0

    def take(self, message: Message, now: datetime) -> str:
        self.messages += 1
        return "applied"


def settle(subject: Subject, messages: Iterable[Message], at: datetime) -> dict[Key, str]:
    """The five rules of settling, for messages that nobody voided. Whatever can go on is tried after every change.

    The clock has its turn before each instant at which something changes, and at the end, at `at`.
    """
    verdicts: dict[Key, str] = {}
    waiting: list[Message] = []
    forbidden: list[Message] = []
    applied: list[Message] = []
    now = datetime.min.replace(tzinfo=UTC)
    for message in sorted(messages, key=lambda m: m.place):
        if message.time != now:
            now = message.time
            forbidden = []
        waiting.append(message)
        verdicts[message.key] = "held"
        while _one_more_applies(subject, waiting, forbidden, applied, verdicts, now):
            pass
    subject.clock(at)
    return verdicts


def _one_more_applies(
    subject: Subject,
    waiting: list[Message],
    forbidden: list[Message],
    applied: list[Message],
    verdicts: dict[Key, str],
    now: datetime,
) -> bool:
    for candidate in sorted([*waiting, *forbidden], key=lambda m: m.place):
        said_before = any(_same_said(candidate, one) for one in applied)
        if not said_before and subject.waits(candidate):
            continue
        verdict = verdicts[candidate.key] = "duplicate" if said_before else subject.take_at(candidate, now)
        for pile in (waiting, forbidden):
            if candidate in pile:
                pile.remove(candidate)
        if verdict == "applied":
            applied.append(candidate)
            return True
        if verdict == "refused":
            forbidden.append(candidate)
    return False


def _same_said(one: Message, other: Message) -> bool:
    return (one.source, one.type, one.time) == (other.source, other.type, other.time) and one.data == other.data
