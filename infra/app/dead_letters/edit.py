"""Edit: a corrected copy of a dead letter is taken by ordinary intake, and the letter is set aside.

The copy of a malformed message has the id that it claims. A refused or held message keeps its own id, so its copy has a
new one from the operator, names the letter as its cause, and the letter is voided: otherwise both could count one day.
The copy, the setting aside and the act commit together.
"""

import hashlib
import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from consumers.contract import Malformed, Unreadable, WellFormed, read_message
from consumers.contract.documents import encode_document, event_document
from consumers.contract.fields import Assignment, assigned, differences
from consumers.ingest.batch_processing import BatchProcessor, Read
from consumers.ingest.register import Arrival, Changes, MessageKey
from consumers.ingest.settling_cache import IngestSettlingCache
from consumers.sources.source import RawMessage
from domain.clock_holds import held_by_clock
from domain.operator.acts import DeadLetterEdited
from infra.app.container import Waybill
from infra.app.dead_letters.judge import judge_new
from infra.app.operator_feed import message_bytes
from infra.app.reassignments import operator_source
from infra.app.void import CannotVoidError, expect_void_to_fit, voids_of
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import LetterContents, is_malformed, key_of_letter
from infra.store.operator_log import Acting, Who
from infra.store.register.letters import LettersTransaction, StoredLetters
from infra.store.register.set_aside import EDITED

EDITS = "waybill/edits"
"""How the feeds of edited copies begin. Those of acts begin with OPERATOR_SOURCE."""


class CannotEditError(ValueError):
    """The letter cannot be edited so; the error says why. `command` tells more or helps, if there is one."""

    def __init__(self, why: str, command: str | None = None):
        super().__init__(why)
        self.command = command


class NeedsReplacementError(CannotEditError):
    """No field of the letter can be set, so all of it has to be given."""


class WrongReplacementError(CannotEditError):
    """The replacement is no message; `problem` is the predicate of a sentence about it, such as "must be JSON"."""

    def __init__(self, problem: str):
        super().__init__(f"the corrected message {problem}")
        self.problem = problem


class Edit(NamedTuple):
    """A corrected copy of a letter, and what differs from it. `key` is the copy's."""

    letter: UntakenMessage
    body: bytes
    read: WellFormed
    key: MessageKey
    changes: Sequence[str]


class Edited(NamedTuple):
    """The copy of a letter, with its outcome, and what differs from the letter."""

    letter_id: str
    source: str
    id: str
    subject: str
    type: str
    verdict: str | None
    reason: str | None
    changes: Sequence[str]


def plan_edit(
    waybill: Waybill,
    letter: UntakenMessage,
    assignments: Sequence[Assignment],
    replacement: bytes | None,
    operator: str,
) -> Edit:
    """The copy with these fields set, in the letter or in its `replacement`. Stores nothing.

    Raises CannotEditError, and FieldError.
    """
    content = LetterContents(waybill.backend).of(letter)
    if content is None:
        raise CannotEditError(f"{letter.letter_id} is no dead letter any more")
    try:
        before = event_document(content.body, content.headers)
    except Unreadable as error:
        if replacement is None:
            raise NeedsReplacementError(f"the message {error}, so all of it has to be given") from None
        before = None
    try:
        start = before if replacement is None else event_document(replacement, ())
    except Unreadable as error:
        raise WrongReplacementError(str(error)) from None
    after = assigned(start, assignments)
    changes = list(differences(before, after))
    if not changes:
        raise CannotEditError("nothing would change")
    if not is_malformed(letter) and isinstance(after, dict):
        digest = hashlib.sha256(encode_document([letter.letter_id, after])).hexdigest()[:32]
        own = {"source": operator_source(operator), "id": f"edit-{digest}", "causationid": letter.id}
        after = {**after, **own}
    body = encode_document(after)
    read = read_message(body, waybill.clock(), waybill.reading_rules())
    if isinstance(read, Malformed):
        raise CannotEditError(f"the edited message does not fit the contract: {read.reason}")
    return Edit(letter, body, read, MessageKey(read.fact.source, read.fact.message_id, read.subject), changes)


def do_edit(
    waybill: Waybill, edit: Edit, operator: str, reason: str, project: Callable[[], object] | None = None
) -> Edited:
    """Take the copy and set the letter aside, all of it or nothing; then project. Raises CannotEditError.

    `project` is called in place of `Waybill.project`, which takes as long as it takes.
    """
    store = StoredLetters(waybill.backend)

    def work(acting: Acting) -> None:
        _store(waybill, store.within(acting.connection), acting, edit)

    waybill.operator_log.act(Who(operator, reason), work)
    waybill.ingest().wake()
    (project or waybill.project)()
    outcome = waybill.messages.outcomes(edit.key.source, [edit.key.message_id])[edit.key.message_id, edit.key.subject]
    return _row(edit)._replace(verdict=outcome.verdict.value, reason=outcome.reason or None)


def would_edit(waybill: Waybill, edit: Edit) -> Edited:
    """What the copy would be judged. Stores nothing."""
    outcome = judge_new(waybill, edit.read)
    return _row(edit)._replace(verdict=outcome.verdict.value, reason=outcome.reason or None)


def _row(edit: Edit) -> Edited:
    key = edit.key
    return Edited(
        edit.letter.letter_id, key.source, key.message_id, key.subject, edit.read.type, None, None, edit.changes
    )


def _store(waybill: Waybill, transaction: LettersTransaction, acting: Acting, edit: Edit) -> None:
    letter, now, (operator, reason) = edit.letter, acting.now, acting.who
    if edit.key in transaction.registered([edit.key]):
        source, message_id, subject = edit.key
        raise CannotEditError(
            f"message {message_id} of {source} about {subject} was taken before",
            shlex.join(["waybill", "message", source, message_id]),
        )
    feed = transaction.open_finished_feed(f"{EDITS}/{operator}", now)
    changes = Changes(now, ())
    arrivals = [_copy(waybill, edit, feed)]
    if not is_malformed(letter):
        arrivals.append(_void(waybill, letter, feed, acting))
    elif not transaction.set_aside([letter.letter_id], EDITED, operator, reason, now, now - waybill.hold):
        raise CannotEditError(
            f"{letter.letter_id} is set aside already; restore it first",
            shlex.join(["waybill", "dead-letters", "restore", letter.letter_id]),
        )
    batch = BatchProcessor(transaction, changes, lambda *_: "", IngestSettlingCache())
    batch.process(Read(arrivals, ()))
    transaction.save(changes)
    acting.log(
        DeadLetterEdited,
        letter_id=letter.letter_id,
        copy_source=edit.key.source,
        copy_id=edit.key.message_id,
        copy_subject=edit.key.subject,
        changes=tuple(edit.changes),
    )


def _copy(waybill: Waybill, edit: Edit, feed: int) -> Arrival:
    fact = msgspec.structs.replace(edit.read.fact, recorded_at=waybill.clock())
    return Arrival(
        edit.key,
        held_by_clock(fact, fact.recorded_at, waybill.settings.clock_skew),
        feed,
        RawMessage(0, edit.body),
        edit.read.ignored,
    )


def _void(waybill: Waybill, letter: UntakenMessage, feed: int, acting: Acting) -> Arrival:
    key = key_of_letter(letter)
    (void,) = voids_of(waybill, [key], acting.who.reason, acting.now, acting.act_id)
    try:
        expect_void_to_fit(waybill, void, key.subject)
    except CannotVoidError as error:
        raise CannotEditError(str(error)) from None
    return Arrival(MessageKey(*void.key, key.subject), void, feed, RawMessage(1, message_bytes(void, key.subject)))
