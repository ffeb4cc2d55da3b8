"""Strategies that send histories: as lines of JSON, some of them voided, said twice or broken, in deliveries.

What happens is told by `tests.property.histories`. Here it gets ids that hold within a subject whatever its kind, so
that an order, a rep and an account may go by one name, and it gets voids: of messages, of voids, round in rings.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from consumers.contract import to_cloud_event
from consumers.ingest.register import MessageKey
from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.kind import Kind
from domain.kinds import KIND_OF_TYPE
from domain.rep.events import RepChanged
from domain.streams import settle_stream, split_stream_name, stream_name, waiting_room
from domain.verdict import Outcome, Verdict
from tests.property.histories import (
    SENDERS,
    about_accounts,
    about_reps,
    facts_of_many_subjects,
    free_of_trouble,
    hours,
    messages_that_say,
)
from tests.unit.domain.facts import oclock, voided_by_id

NAMESAKES = {"SO-1": "ann", "ALFKI": "ann"}
"""An order and an account that may go by the same name as a rep."""

FEEDS = 3

NEVER_CAME = ("order-entry", "never came")

recording_delays = st.sampled_from((0, 0, 1, 30))
"""Hours from when a thing happens until an earlier system records it."""


class Message(NamedTuple):
    """The bytes of a message and the fact that it states, None where it is malformed."""

    line: bytes
    subject: str = ""
    fact: Fact | None = None

    def __repr__(self) -> str:
        return f"<{self.line.decode(errors='backslashreplace')}>"

    @property
    def key(self) -> MessageKey:
        assert self.fact is not None, "a malformed message takes no id"
        return MessageKey(*self.fact.key, self.subject)

    @property
    def known_by(self) -> MessageKey | bytes:
        """Its key; a malformed one goes by its bytes."""
        return self.line if self.fact is None else self.key


class Delivery(NamedTuple):
    """Messages that come at once, in one batch of a feed; then projections take steps of so many events.

    With `restarted`, whoever reads the feed was started again before, and remembers nothing.
    """

    feed: int
    messages: Sequence[Message]
    steps: Sequence[int]
    restarted: bool


def message(subject: str, fact: Fact) -> Message:
    return Message(msgspec.json.encode(to_cloud_event(fact, subject)), subject, fact)


# -- well-formed ---------------------------------------------------------------------------------


@st.composite
def well_formed_messages(draw: st.DrawFn, *, voids: bool = True) -> list[Message]:
    """Messages about a few orders, reps and accounts, each sent once, in any order."""
    namesakes = draw(st.booleans())
    told = _under_their_names(draw(facts_of_many_subjects(voids=False)), namesakes=namesakes)
    told += _under_their_names(draw(more_about_people()), namesakes=namesakes, more="more/")
    told += draw(said_again(told))
    if voids:
        told += draw(voids_of(told))
    return draw(st.permutations([message(subject, fact) for subject, fact in told]))


@st.composite
def more_about_people(draw: st.DrawFn) -> list[tuple[str, Fact]]:
    """(stream, fact) of the rep and the account that most orders name."""
    about_ann = draw(messages_that_say(draw(st.lists(about_reps, max_size=3)), voids=False))
    about_alfki = draw(messages_that_say(draw(st.lists(about_accounts, max_size=2)), voids=False))
    return [*(("rep-ann", fact) for fact in about_ann), *(("account-ALFKI", fact) for fact in about_alfki)]


def _under_their_names(told: Iterable[tuple[str, Fact]], *, namesakes: bool, more: str = "") -> list[tuple[str, Fact]]:
    """(subject, fact), with ids that differ between subjects of one name."""
    named: list[tuple[str, Fact]] = []
    for stream, fact in told:
        if isinstance(fact, RepChanged) and all(getattr(fact, name) is msgspec.UNSET for name in fact.DATA_FIELDS):
            continue  # The contract takes no change that changes nothing.
        kind, subject = split_stream_name(stream)
        name = NAMESAKES.get(subject, subject) if namesakes else subject
        named.append((name, msgspec.structs.replace(fact, message_id=f"{kind}/{more}{fact.message_id}")))
    return named


@st.composite
def said_again(draw: st.DrawFn, told: Sequence[tuple[str, Fact]]) -> list[tuple[str, Fact]]:
    """Some of it once more with the same time, under new ids."""
    if not told:
        return []
    again = draw(st.lists(st.sampled_from(told), max_size=2))
    return [
        (subject, msgspec.structs.replace(fact, message_id=f"again/{number}", source=draw(st.sampled_from(SENDERS))))
        for number, (subject, fact) in enumerate(again)
    ]


@st.composite
def voids_of(draw: st.DrawFn, told: Sequence[tuple[str, Fact]]) -> list[tuple[str, Fact]]:
    """Voids of messages, of other voids, of themselves, in rings, and of messages that never come."""
    if not told:
        return []
    kinds: dict[Kind | None, list[tuple[str, FactKey]]] = defaultdict(list)
    for subject, fact in told:
        kinds[KIND_OF_TYPE[fact.TYPE]].append((subject, fact.key))
    wrong = st.one_of([st.sampled_from(messages) for messages in kinds.values()])
    named = draw(st.lists(wrong, max_size=6))
    own_names: list[FactKey] = [(draw(st.sampled_from(SENDERS)), f"void/{number}") for number in range(len(named))]
    voids: list[tuple[str, Fact]] = []
    for (subject, wrong_message), (source, message_id) in zip(named, own_names, strict=True):
        others = [name for (about, _), name in zip(named, own_names, strict=True) if about == subject]
        name = draw(st.sampled_from((wrong_message, wrong_message, NEVER_CAME)) | st.sampled_from(others))
        void = voided_by_id(*name, draw(hours), message_id=message_id)
        recorded_at = oclock(draw(hours) + draw(recording_delays))
        voids.append((subject, msgspec.structs.replace(void, source=source, recorded_at=recorded_at)))
    return voids


@st.composite
def trouble_free_messages(draw: st.DrawFn) -> list[Message]:
    """Messages of which, taken one by one in the order of time, each applies or says what is already so."""
    streams: dict[str, list[Fact]] = defaultdict(list)
    for stream, fact in draw(facts_of_many_subjects(voids=False)):
        streams[stream].append(fact)
    kept = [(stream, fact) for stream, facts in streams.items() for fact in free_of_trouble(stream, facts)]
    named = _under_their_names(kept, namesakes=draw(st.booleans()))
    return draw(st.permutations([message(subject, fact) for subject, fact in named]))


# -- malformed -----------------------------------------------------------------------------------


def _changed(**attributes: Any) -> Callable[[bytes], bytes]:
    return lambda line: msgspec.json.encode({**msgspec.json.decode(line), **attributes})


_MISTAKES: tuple[Callable[[bytes], bytes], ...] = (
    _changed(specversion="0.3"),
    _changed(type="order.lost.v1"),
    _changed(data={}),
    _changed(data=None),
    _changed(time="2026-02-30T09:00:00Z"),
    _changed(time="2026-03-02T09:00:00"),
    _changed(subject=""),
    lambda line: line[: len(line) // 2],
    lambda line: b"\xff" + line,
)


@st.composite
def malformed_messages(draw: st.DrawFn, messages: Sequence[Message]) -> list[Message]:
    """Broken twins of some messages, under the same ids, and things that are no messages at all."""
    bodies = draw(st.lists(st.sampled_from((b"[]", b"{}", b"null", b"hello")), max_size=1))
    for number in draw(st.lists(st.integers(0, max(len(messages) - 1, 0)), max_size=3)) if messages else ():
        bodies.append(draw(st.sampled_from(_MISTAKES))(messages[number].line))
    return [Message(body) for body in dict.fromkeys(bodies)]


@st.composite
def messages_of_every_sort(draw: st.DrawFn) -> list[Message]:
    """Well-formed and malformed messages, each sent once, in any order."""
    well_formed = draw(well_formed_messages())
    return draw(st.permutations([*well_formed, *draw(malformed_messages(well_formed))]))


# -- on their way --------------------------------------------------------------------------------


def reworded(sent: Message) -> Message:
    """The same message, written by another encoder that adds fields nobody knows."""
    if sent.fact is None:
        return sent
    document = msgspec.json.decode(sent.line)
    document["time"] = document["time"].removesuffix("Z") + "+00:00"
    document["data"]["shelf"] = {"aisle": 7}
    document["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    backwards = dict(reversed(document.items()))
    return sent._replace(line=msgspec.json.format(msgspec.json.encode(backwards), indent=0))


@st.composite
def repeated(draw: st.DrawFn, messages: Sequence[Message]) -> list[Message]:
    """Some of the messages, sent once more."""
    if not messages:
        return []
    again = draw(st.lists(st.tuples(st.sampled_from(messages), st.booleans()), max_size=5))
    return [reworded(sent) if otherwise else sent for sent, otherwise in again]


def as_it_happened(messages: Iterable[Message]) -> list[Message]:
    """In the order of time; malformed ones, of which nobody knows the time, come first."""
    return sorted(messages, key=lambda sent: (sent.fact is not None, sent.fact.sort_key if sent.fact else ()))


@st.composite
def nearly_as_it_happened(draw: st.DrawFn, messages: Sequence[Message]) -> list[Message]:
    """In the order of time, but for a few that come early or late: then most are the newest of their subject."""
    arriving = as_it_happened(messages)
    if arriving:
        places = st.integers(0, len(arriving) - 1)
        for number, place in draw(st.lists(st.tuples(places, places), max_size=3)):
            arriving.insert(place, arriving.pop(number))
    return arriving


@st.composite
def deliveries_of(draw: st.DrawFn, messages: Sequence[Message], *, projecting: bool = True) -> list[Delivery]:
    """The messages in some order, in batches of several feeds; with `projecting`, some are projected at once."""
    some_steps = st.lists(st.sampled_from((1, 2, 5, 100)), max_size=2) if projecting else st.just([])
    arriving = draw(st.one_of(st.permutations(messages), nearly_as_it_happened(messages)))
    largest = max(2, len(messages) // 2)
    deliveries: list[Delivery] = []
    while arriving:
        size = draw(st.integers(1, largest))
        feed, restarted = draw(st.integers(0, FEEDS - 1)), draw(st.booleans())
        deliveries.append(Delivery(feed, arriving[:size], draw(some_steps), restarted))
        arriving = arriving[size:]
    return deliveries


@st.composite
def one_by_one(draw: st.DrawFn, messages: Sequence[Message]) -> list[Delivery]:
    """The messages in about the order of time, most in a batch of their own and most in one feed."""
    arriving = draw(nearly_as_it_happened(messages))
    feeds = st.sampled_from((0, 0, 0, 0, 1))
    restarts = draw(st.sampled_from((st.just(False), st.booleans())))
    deliveries: list[Delivery] = []
    while arriving:
        size = draw(st.sampled_from((1, 1, 1, 2)))
        deliveries.append(Delivery(draw(feeds), arriving[:size], (), draw(restarts)))
        arriving = arriving[size:]
    return deliveries


# -- what is to become of them -------------------------------------------------------------------


def by_stream(messages: Iterable[Message]) -> dict[str, list[Fact]]:
    """The facts of the well-formed ones, of each key the first, in the streams they belong to once all have come."""
    facts: dict[MessageKey, Fact] = {}
    for sent in messages:
        if sent.fact is not None:
            facts.setdefault(sent.key, sent.fact)
    streams: dict[str, list[Fact]] = defaultdict(list)
    for key, fact in facts.items():
        streams[_stream_of(key, facts)].append(fact)
    return streams


def _stream_of(key: MessageKey, facts: Mapping[MessageKey, Fact]) -> str:
    """A void goes where the message that it names is; one that leads to no message stays in the waiting room."""
    for _ in facts:
        fact = facts.get(key)
        if fact is None:
            break
        if not isinstance(fact, MessageVoided):
            kind = KIND_OF_TYPE[fact.TYPE]
            assert kind is not None
            return stream_name(kind, key.subject)
        key = MessageKey(*fact.names, key.subject)
    return waiting_room(key.subject)


def outcomes_of(messages: Iterable[Message]) -> dict[MessageKey, Outcome]:
    """What becomes of each well-formed message: what settling its stream says."""
    return {
        MessageKey(*key, split_stream_name(stream)[1]): outcome
        for stream, facts in by_stream(messages).items()
        for key, outcome in settle_stream(stream, facts, watched=False).outcomes.items()
    }


def counts_of(messages: Sequence[Message]) -> dict[Verdict, int]:
    """How many of the messages have which verdict, those that came again counted as duplicates."""
    counts = Counter(outcome.verdict for outcome in outcomes_of(messages).values())
    malformed = len({sent.line for sent in messages if sent.fact is None})
    counts[Verdict.MALFORMED] = malformed
    counts[Verdict.DUPLICATE] += len(messages) - len({sent.key for sent in messages if sent.fact}) - malformed
    return {verdict: counts[verdict] for verdict in Verdict}
