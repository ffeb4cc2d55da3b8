"""Correct: voids messages that were wrong and publishes the right ones in their place, each pair in one transaction.

The right message has the source of the wrong one and a new id, and names the wrong one as its cause. Both ids follow
from the messages, so a correction said twice counts once.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from consumers.contract import Malformed, Unreadable, WellFormed, decode_json, read_message, to_cloud_event
from consumers.contract.documents import encode_document
from consumers.contract.fields import Assignment, FieldError, Message, assigned
from consumers.ingest.register import MessageKey
from domain.clock_holds import held_by_clock
from domain.derived import is_derived
from domain.events import MessageVoided
from domain.fact import Fact
from domain.operator.acts import MessagesCorrected
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.message_changes import STREAMS_AT_ONCE, ChangeEffect, MessageChange, effect_of
from infra.app.operator_feed import begun_or_new
from infra.app.void import PLANNED, CannotVoidError, expect_reason, only_subject, voids_of
from infra.queries.corrections import StandingCorrections, is_correction
from infra.queries.messages import NoLongerApplied
from infra.queries.selected_messages import MessageFilter, SelectedMessage, SelectedMessages

LONGEST_ID = 200


class CannotCorrectError(ValueError):
    """The message cannot be corrected; the error names the field, or the message, and what to do."""


class Pair(NamedTuple):
    """A wrong message and what it should have said, as structured JSON. `line` is its line in a file, from 1.

    `corrections` are those of a void message that stand.
    """

    wrong: SelectedMessage
    right: Message
    line: int | None = None
    corrections: Sequence[SelectedMessage] = ()


class Corrections(NamedTuple):
    """What to correct. `selection` describes it: two runs with the same one are one act.

    `pairs` can be read more than once. `unchanged` counts messages that are right as they are.
    """

    selection: str
    pairs: Callable[[], Iterable[Pair]]


@dataclass
class Corrected:
    """What was done, under the act with this id (None: nothing). Verdicts of the voids and of the right messages.

    `first` is the key of the first right message. `skipped` were right as they are, or corrected before.
    """

    act_id: str | None = None
    voids: Counter[Verdict] = field(default_factory=Counter)
    right: Counter[Verdict] = field(default_factory=Counter)
    skipped: int = 0
    continued: bool = False
    first: MessageKey | None = None
    no_longer_applied: Sequence[NoLongerApplied] = ()


class CorrectionPlan(NamedTuple):
    """What correcting would do; `skipped` messages are right as they are, or corrected before."""

    effect: ChangeEffect
    skipped: int
    first: MessageChange | None


def one_message(
    waybill: Waybill, source: str, message_id: str, assignments: tuple[Assignment, ...], subject: str | None = None
) -> Corrections:
    """A stored message with these fields set. Raises CannotCorrectError."""
    try:
        subject = subject or only_subject(waybill.messages.subjects_of(source, message_id), source, message_id)
    except CannotVoidError as e:
        raise CannotCorrectError(str(e).replace(" to void it ahead", "")) from None
    key = MessageKey(source, message_id, subject)
    wrong = SelectedMessages(waybill.backend).of_keys([key]).get(key)
    if wrong is None:
        raise CannotCorrectError(f"no message {message_id} of {source} about {subject} is known")
    (pair,) = _with_corrections(waybill, [Pair(wrong, _with(wrong, assignments))])
    return Corrections(f"{source} {message_id} {subject} {_told(assignments)}", lambda: [pair])


def selected_messages(waybill: Waybill, wanted: MessageFilter, assignments: tuple[Assignment, ...]) -> Corrections:
    """Each message that meets the filter and is not void, with these fields set. Raises CannotCorrectError.

    Messages that are corrections themselves are left out, so that a second run does not move a date twice.
    """
    if wanted.source is None:
        raise CannotCorrectError("name the --source of the messages that were wrong")
    now = waybill.clock()

    def pairs() -> Iterator[Pair]:
        for _, found in SelectedMessages(waybill.backend).by_stream(wanted):
            for one in found:
                if not one.voided and one.received_at <= now and not is_correction(one):
                    yield Pair(one, _with(one, assignments))

    return Corrections(f"{wanted} {_told(assignments)}", pairs)


def file_of_messages(waybill: Waybill, path: Path) -> Corrections:
    """The right messages, as JSON Lines of CloudEvents with the source and id of the wrong ones.

    `waybill events --format cloudevents` writes such a file; edit what was wrong in it. A line with an id of its own
    names the wrong one as its causationid. All lines are read first, and held in memory. Raises CannotCorrectError.
    """
    content = path.read_bytes()
    pairs = _pairs_of(waybill, content)
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Corrections(f"--file {path.name} {digest}", lambda: pairs)


def plan_corrections(
    waybill: Waybill,
    corrections: Corrections,
    reason: str,
    *,
    samples: int,
    on_stream: Callable[[], None] = lambda: None,
) -> CorrectionPlan:
    """What the corrections would do. Raises CannotCorrectError."""
    _check_reason(waybill, reason)
    skipped, first = 0, None

    def changes() -> Iterator[tuple[str, Sequence[MessageChange]]]:
        nonlocal skipped, first
        for some in _by_stream(corrections.pairs()):
            found = changes_of(waybill, [pair for pairs in some.values() for pair in pairs], reason, PLANNED)
            skipped += sum(change is None for change in found)
            by_stream: dict[str, list[MessageChange]] = {stream: [] for stream in some}
            for change in found:
                if change is not None:
                    first = first or change
                    by_stream[change.wrong.stream].append(change)
            yield from ((stream, made) for stream, made in by_stream.items() if made)

    effect = effect_of(waybill, changes(), samples=samples, on_stream=on_stream)
    return CorrectionPlan(effect, skipped, first)


def do_corrections(
    waybill: Waybill,
    corrections: Corrections,
    reason: str,
    operator: str,
    on_batch: Callable[[int], None] = lambda done: None,
) -> Corrected:
    """Correct, batch by batch, each message with its void in one transaction. After a kill, call it again.

    All messages are checked before the first is stored. `on_batch` gets how many are done. Raises CannotCorrectError,
    and the errors of ingest.
    """
    _check_reason(waybill, reason)
    at_once = max(1, waybill.settings.batch_messages // 2)
    total = 0
    for some in _some(corrections.pairs(), at_once):
        total += sum(change is not None for change in changes_of(waybill, some, reason, PLANNED))
    act = MessagesCorrected.by(
        operator, waybill.clock(), reason, selection=corrections.selection, act_id=PLANNED, planned=total
    )
    feed = begun_or_new(waybill, act, anything_to_do=total > 0)
    done = Corrected()
    if feed is None:
        done.skipped = sum(1 for _ in corrections.pairs())
        return done
    newest = waybill.retry(waybill.messages.newest_notice)
    done.act_id, done.continued = feed.act_id, feed.continued
    # What is stored meanwhile is not read: the messages are read as of one moment.
    for some in _some(corrections.pairs(), at_once):
        changes = [change for change in changes_of(waybill, some, reason, feed.act_id) if change is not None]
        done.skipped += len(some) - len(changes)
        if not changes:
            continue
        told = [message for change in changes for message in change.messages]
        for (fact, _), receipt in zip(told, feed.store(told), strict=True):
            (done.voids if isinstance(fact, MessageVoided) else done.right)[receipt.verdict] += 1
            if not isinstance(fact, MessageVoided):
                done.first = done.first or receipt.key
        on_batch(sum(done.right.values()))
    feed.finish()
    done.no_longer_applied = waybill.retry(lambda: waybill.messages.no_longer_applied(newest))
    return done


def changes_of(waybill: Waybill, pairs: Sequence[Pair], reason: str, correlation_id: str) -> list[MessageChange | None]:
    """What each correction publishes, in order; None where nothing is left to do. Raises CannotCorrectError."""
    now = waybill.clock()
    read = [_read(waybill, pair, now) for pair in pairs]
    rights = _named(waybill, pairs, read)
    standing = [pair.wrong.key for pair, right in zip(pairs, rights, strict=True) if not pair.wrong.voided]
    voids = dict(zip(standing, voids_of(waybill, standing, reason, now, correlation_id), strict=True))
    _expect_no_other_correction(pairs, rights)
    changes: list[MessageChange | None] = []
    for pair, right in zip(pairs, rights, strict=True):
        if not pair.wrong.voided and _says_the_same(pair, right):
            changes.append(None)
        elif right.stands:
            void = voids.get(pair.wrong.key)
            changes.append(None if void is None else MessageChange(pair.wrong, void))
        else:
            skew = waybill.settings.clock_skew
            fact = held_by_clock(right.fact, now, skew)
            changes.append(MessageChange(pair.wrong, voids.get(pair.wrong.key), fact, right.subject))
    return changes


class _Right(NamedTuple):
    """A right message with its final id; `stands` says that it was published before and is not void."""

    fact: Fact
    subject: str
    stands: bool


def _named(waybill: Waybill, pairs: Sequence[Pair], read: Sequence[WellFormed]) -> list[_Right]:
    """Gives each right message an id that no voided message has."""
    named: list[_Right | None] = [None] * len(pairs)
    selected, times = SelectedMessages(waybill.backend), 0
    while unnamed := [place for place, one in enumerate(named) if one is None]:
        times += 1
        facts = {place: _with_id(pairs[place], read[place], times) for place in unnamed}
        keys = {place: MessageKey(*fact.key, read[place].subject) for place, fact in facts.items()}
        known = selected.of_keys(list(keys.values()))
        for place in unnamed:
            registered = known.get(keys[place])
            own_id = read[place].fact.message_id != pairs[place].wrong.key.message_id
            if registered is None or not registered.voided:
                named[place] = _Right(facts[place], read[place].subject, registered is not None)
            elif own_id:
                raise CannotCorrectError(f"{_where(pairs[place])}the id {facts[place].message_id} was used and voided")
    return [one for one in named if one is not None]


def _with_id(pair: Pair, read: WellFormed, times: int) -> Fact:
    fact, wrong = read.fact, pair.wrong.key
    if fact.message_id != wrong.message_id:
        return msgspec.structs.replace(fact, causation_id=wrong.message_id)
    document = to_cloud_event(fact, read.subject)
    said = [*wrong, {name: value for name, value in document.items() if name != "recordedtime"}, times]
    digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
    message_id = f"{wrong.message_id}.corrected-{digest[:12]}"
    if len(message_id) > LONGEST_ID:
        message_id = f"corrected-{digest[:32]}"
    return msgspec.structs.replace(fact, message_id=message_id, causation_id=wrong.message_id)


def _read(waybill: Waybill, pair: Pair, now: datetime) -> WellFormed:
    """The right message, read as intake will read it. Raises CannotCorrectError."""
    where = _where(pair)
    if is_derived(pair.wrong.fact):
        raise CannotCorrectError(f"{where}{pair.wrong.key.source} is a reactor; correct what its message follows from")
    if isinstance(pair.wrong.fact, MessageVoided):
        raise CannotCorrectError(f"{where}{pair.wrong.key.message_id} is a void; void it, and void the right message")
    read = read_message(encode_document(pair.right), now, waybill.reading_rules())
    if isinstance(read, Malformed):
        raise CannotCorrectError(f"{where}{read.reason}")
    if read.ignored:
        names = ", ".join(f"data.{name}" for name in read.ignored)
        raise CannotCorrectError(f"{where}{read.fact.TYPE} has no field {names}; waybill schema lists its fields")
    return read


def _says_the_same(pair: Pair, right: _Right) -> bool:
    wrong, fact = pair.wrong.fact, right.fact
    return (
        fact.says_the_same_as(wrong)
        and fact.occurred_at == wrong.occurred_at
        and fact.source == wrong.source
        and fact.correlation_id == wrong.correlation_id
        and right.subject == pair.wrong.key.subject
    )


def _expect_no_other_correction(pairs: Sequence[Pair], rights: Sequence[_Right]) -> None:
    """Raises CannotCorrectError if a void message has another correction that stands: both would count."""
    for pair, right in zip(pairs, rights, strict=True):
        for other in pair.corrections:
            if other.fact.key != right.fact.key or other.key.subject != right.subject:
                raise CannotCorrectError(
                    f"{_where(pair)}{pair.wrong.key.message_id} of {pair.wrong.key.source} was corrected before, by "
                    f"{other.key.message_id}, which stands: correct that one"
                )


def _pairs_of(waybill: Waybill, content: bytes) -> list[Pair]:
    selected = SelectedMessages(waybill.backend)
    documents = [
        (number, _decoded(number, line)) for number, line in enumerate(content.splitlines(), 1) if line.strip()
    ]
    keys = {number: MessageKey(*(document[name] for name in _NAMED)) for number, document in documents}
    found = selected.of_keys(list(keys.values()))
    pairs: dict[MessageKey, Pair] = {}
    for number, document in documents:
        wrong = found.get(keys[number]) or _wrong_of(waybill, selected, number, document)
        if wrong.key in pairs:
            raise CannotCorrectError(
                f"line {number}: {wrong.key.message_id} of {wrong.key.source} is corrected by line "
                f"{pairs[wrong.key].line} already; leave one of them"
            )
        pairs[wrong.key] = Pair(wrong, document, number)
    return _with_corrections(waybill, list(pairs.values()))


def _with_corrections(waybill: Waybill, pairs: list[Pair]) -> list[Pair]:
    """The pairs, those of void messages with the corrections that stand."""
    if not any(pair.wrong.voided for pair in pairs):
        return pairs
    standing = StandingCorrections(SelectedMessages(waybill.backend))

    def found(wrong: MessageKey) -> Sequence[SelectedMessage]:
        return standing.of(wrong, waybill.messages.subjects_of(wrong.source, wrong.message_id))

    return [pair._replace(corrections=found(pair.wrong.key)) if pair.wrong.voided else pair for pair in pairs]


_NAMED = ("source", "id", "subject")


def _decoded(number: int, line: bytes) -> Message:
    try:
        document = decode_json(line)
    except Unreadable as e:
        raise CannotCorrectError(f"line {number} {e}") from None
    if not isinstance(document, dict):
        raise CannotCorrectError(f"line {number} is not a JSON object; it must be a message, as CloudEvents has it")
    for name in _NAMED:
        if not isinstance(document.get(name), str):
            raise CannotCorrectError(f"line {number}: {name} must be text")
    return document


def _wrong_of(waybill: Waybill, selected: SelectedMessages, number: int, document: Message) -> SelectedMessage:
    """The message that a line corrects, if it has another subject, or an id of its own and a causationid."""
    source = document["source"]
    for message_id in (document["id"], document.get("causationid")):
        if isinstance(message_id, str):
            subjects = waybill.messages.subjects_of(source, message_id)
            if len(subjects) == 1:
                key = MessageKey(source, message_id, subjects[0])
                return selected.of_keys([key])[key]
    raise CannotCorrectError(
        f"line {number}: no message {document['id']} of {source} is known; "
        "keep the source and id of the message that was wrong, or name it as causationid"
    )


def _with(wrong: SelectedMessage, assignments: tuple[Assignment, ...]) -> Message:
    document = to_cloud_event(wrong.fact, wrong.key.subject)
    document.pop("recordedtime")
    try:
        return assigned(document, assignments)
    except FieldError as e:
        raise CannotCorrectError(f"{e} (message {wrong.key.message_id} of {wrong.key.source})") from None


def _by_stream(pairs: Iterable[Pair]) -> Iterator[dict[str, list[Pair]]]:
    """The pairs by stream, some streams at a time; a file's are in memory, others come stream by stream."""
    if isinstance(pairs, list):
        pairs = sorted(pairs, key=lambda pair: pair.wrong.stream)
    some: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.wrong.stream not in some and len(some) == STREAMS_AT_ONCE:
            yield some
            some = {}
        some.setdefault(pair.wrong.stream, []).append(pair)
    if some:
        yield some


def _some(pairs: Iterable[Pair], at_once: int) -> Iterator[list[Pair]]:
    todo = iter(pairs)
    while some := list(islice(todo, at_once)):
        yield some


def _check_reason(waybill: Waybill, reason: str) -> None:
    try:
        expect_reason(waybill, reason)
    except CannotVoidError as e:
        raise CannotCorrectError(str(e)) from None


def _told(assignments: tuple[Assignment, ...]) -> str:
    return " ".join(f"--set {one.name}={one.value}" for one in assignments)


def _where(pair: Pair) -> str:
    return "" if pair.line is None else f"line {pair.line}: "
