"""What a dead letter would be judged now: a copy is read and settled again, and nothing is stored."""

from consumers.contract import Malformed, WellFormed, read_record
from consumers.ingest.redrive import is_kept_whole
from domain.clock_holds import held_by_clock
from domain.derived import facts_among
from domain.events import MessageVoided
from domain.fact import Fact
from domain.kinds import KIND_OF_TYPE
from domain.pruning import PrunedStreamError, outcome_of_pruned
from domain.streams import settle_stream, stream_name, waiting_room
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import Content, is_malformed, key_of_letter

NOT_WHOLE = "only a part of the message was kept, so it cannot be read again"


def judge_now(waybill: Waybill, letter: UntakenMessage, content: Content) -> Outcome:
    """The outcome that a redrive would give the letter: by today's contract, rules, and other messages."""
    if not is_malformed(letter):
        return _settled(waybill, letter)
    if not is_kept_whole(letter.reason, content.body):
        return Outcome(Verdict.MALFORMED, NOT_WHOLE)
    read = read_record(content.body, content.headers, letter.seen_at, waybill.reading_rules())
    if isinstance(read, Malformed):
        return Outcome(Verdict.MALFORMED, read.reason)
    return judge_new(waybill, read)


def judge_new(waybill: Waybill, message: WellFormed) -> Outcome:
    """The outcome that a message would have if it came now."""
    fact = held_by_clock(message.fact, waybill.clock(), waybill.settings.clock_skew)
    return _settled_with(waybill, fact, message.subject)


def _settled(waybill: Waybill, letter: UntakenMessage) -> Outcome:
    key = key_of_letter(letter)
    stream = waybill.messages.stream_of(*key)
    assert stream is not None, "a well-formed letter is registered"
    try:
        facts = _facts(waybill, stream)
    except PrunedStreamError as e:
        told = (event for _, event in waybill.history.stream(stream))
        fact = next(event for event in told if isinstance(event, Fact) and event.key == (key.source, key.message_id))
        return outcome_of_pruned(fact, e.pruned)
    settling = settle_stream(stream, facts, watched=False)
    return settling.outcomes[key.source, key.message_id]


def _settled_with(waybill: Waybill, fact: Fact, subject: str) -> Outcome:
    stream = _stream_for(waybill, fact, subject)
    try:
        facts = _facts(waybill, stream)
    except PrunedStreamError as e:
        if waybill.messages.stream_of(*fact.key, subject) is not None:
            return Outcome(Verdict.DUPLICATE, "taken before")
        return outcome_of_pruned(fact, e.pruned)
    if any(known.key == fact.key for known in facts):
        return Outcome(Verdict.DUPLICATE, "taken before")
    return settle_stream(stream, [*facts, fact], watched=False).outcomes[fact.key]


def _stream_for(waybill: Waybill, fact: Fact, subject: str) -> str:
    """The stream to which ingest would add the fact (see consumers.ingest.routing)."""
    if isinstance(fact, MessageVoided):
        named = waybill.messages.stream_of(fact.voided_source, fact.voided_id, subject)
        return named or waiting_room(subject)
    kind = KIND_OF_TYPE[fact.TYPE]
    assert kind is not None, "only voids have no kind"
    return stream_name(kind, subject)


def _facts(waybill: Waybill, stream: str) -> list[Fact]:
    return facts_among(event for _, event in waybill.history.stream(stream))
