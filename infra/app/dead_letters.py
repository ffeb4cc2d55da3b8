"""Dead letters: one of them whole, as it was received."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from consumers.contract.claims import claimed_by
from consumers.ingest.register import MessageKey
from consumers.relay.dead_letter_copies import restated
from infra.app.container import Waybill
from infra.outbox.message_content import FactsOfMessages
from infra.queries.dead_letters import Received, UntakenMessage
from infra.store.register.headers import read_headers


class DeadLetter(NamedTuple):
    """A dead letter and what was received, as text; `body_hex` has the bytes when they are not UTF-8.

    What is not UTF-8 stands in `body` as \\x escapes. `headers` is JSON. `time` (UTC) is when it happened, by the
    message itself; None where that cannot be read.
    """

    message: UntakenMessage
    time: datetime | None
    body: str
    headers: str
    body_hex: str | None


def find_dead_letters(waybill: Waybill, beginning: str) -> Sequence[UntakenMessage]:
    """The dead letters, set aside or not, and the held messages, whose ids begin so.

    If one has this as its whole id, it is that one alone.
    """
    now = waybill.clock()
    letters = [*waybill.dead_letters.dead(now, discarded=True), *waybill.dead_letters.held(now)]
    found = [letter for letter in letters if letter.letter_id.startswith(beginning)]
    # The whole id is always enough, though that of offset 1 is the beginning of that of offset 10.
    return [letter for letter in found if letter.letter_id == beginning] or found


def whole_dead_letter(waybill: Waybill, letter: UntakenMessage) -> DeadLetter:
    """The letter with what was received."""
    body, headers = waybill.dead_letters.received(letter) or _from_event(waybill, letter)
    time = claimed_by(body, read_headers(headers)).time
    try:
        return DeadLetter(letter, time, body.decode("utf-8"), headers, None)
    except UnicodeDecodeError:
        return DeadLetter(letter, time, body.decode("utf-8", errors="backslashreplace"), headers, body.hex())


def _from_event(waybill: Waybill, letter: UntakenMessage) -> Received:
    """A message that was applied when it came in: its event says all of it."""
    assert letter.source is not None and letter.id is not None and letter.subject is not None
    key = MessageKey(letter.source, letter.id, letter.subject)
    body, _ = restated(FactsOfMessages(waybill.backend)([key])[key], key.subject)
    return Received(body, "[]")
