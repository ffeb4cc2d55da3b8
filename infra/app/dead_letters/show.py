"""Show: one dead letter or held message with all that is known of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from consumers.contract.claims import claimed_by
from consumers.contract.documents import event_document
from consumers.contract.faults import Fault, faults_in
from consumers.contract.json_decoding import Unreadable
from domain.verdict import Outcome
from infra.app.container import Waybill
from infra.app.dead_letters.judge import judge_now
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import Content, LetterContents, is_malformed
from infra.queries.malformed_history import may_be_an_orders
from infra.queries.orders import OrderAnswer
from infra.queries.set_aside import SetAsideLetter, how_set_aside
from infra.serialization import text_and_base64

CANDIDATES = 100


class LetterGoneError(LookupError):
    """The letter was taken while it was read."""


class ShownLetter(NamedTuple):
    """A dead letter or held message, whole.

    `time` (UTC) is when it happened, by its own words; None where that cannot be read. `document` is the event as
    decoded JSON, None if the bytes are not JSON. `faults` are the fields at fault of a malformed one. `order` is the
    order that it is about, as it stood at the letter's time, by what was known when the letter came. `judged_now` is
    what a redrive would make of it.
    """

    message: UntakenMessage
    time: datetime | None
    content: Content
    document: Any
    faults: Sequence[Fault]
    set_aside: SetAsideLetter | None
    judged_now: Outcome
    order: OrderAnswer | None

    def fields(self) -> dict[str, Any]:
        """As JSON has it, for the command and the HTTP API."""
        body, base64_body = text_and_base64(self.content.body)
        fields: dict[str, Any] = {
            **self.message._asdict(),
            "time": self.time,
            "body": body,
            "headers": [header_document(name, value) for name, value in self.content.headers],
            "restated": self.content.restated,
            "document": self.document,
            "faults": self.faults,
            "set_aside": self.set_aside,
            "judged_now": msgspec.structs.asdict(self.judged_now),
            "timeline": None if self.order is None else self.order.timeline,
        }
        if base64_body is not None:
            fields["body_base64"] = base64_body
        return fields


def header_document(name: str, value: bytes) -> dict[str, str]:
    """A header as JSON has it."""
    text, in_base64 = text_and_base64(value)
    return {"name": name, "value": text, **({} if in_base64 is None else {"value_base64": in_base64})}


def find_letters(waybill: Waybill, beginning: str) -> Sequence[UntakenMessage]:
    """The dead letters, set aside or not, and the held messages whose ids begin so; at most CANDIDATES.

    If one has this as its whole id, it is that one alone: the id of offset 1 is the beginning of that of offset 10.
    """
    return waybill.dead_letters.find(beginning, CANDIDATES)


def show_letter(waybill: Waybill, letter: UntakenMessage) -> ShownLetter:
    """The letter with what was received, its order at that moment, and what it would be judged now.

    Raises LetterGoneError.
    """
    content = LetterContents(waybill.backend).of(letter)
    if content is None:
        raise LetterGoneError(f"{letter.letter_id} is no dead letter any more")
    time = claimed_by(content.body, content.headers).time
    return ShownLetter(
        message=letter,
        time=time,
        content=content,
        document=_document(content),
        faults=faults_in(letter.reason) if is_malformed(letter) else (),
        set_aside=how_set_aside(waybill.engine, letter),
        judged_now=judge_now(waybill, letter, content),
        order=_order_then(waybill, letter, time),
    )


def _document(content: Content) -> Any:
    try:
        return event_document(content.body, content.headers)
    except Unreadable:
        return None


def _order_then(waybill: Waybill, letter: UntakenMessage, time: datetime | None) -> OrderAnswer | None:
    if letter.subject is None or not may_be_an_orders(letter.type):
        return None
    at = time or letter.seen_at
    return waybill.orders.order(letter.subject, waybill.clock(), as_of=at, known_at=letter.seen_at)
