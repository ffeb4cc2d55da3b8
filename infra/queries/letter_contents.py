"""What was received of dead letters and held messages: their bytes and headers, read by letter id."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, select, tuple_

from consumers.contract.kafka_records import Headers
from consumers.ingest.register import MessageKey
from consumers.relay.dead_letter_copies import restated
from domain.verdict import Verdict
from infra.outbox.message_content import FactsOfMessages
from infra.queries.dead_letters import UntakenMessage
from infra.store.backend import Backend
from infra.store.register.headers import read_headers
from infra.store.register.tables import malformed_messages, raw_messages

CONTENTS_AT_ONCE = 50
"""Each can have a megabyte."""


class Content(NamedTuple):
    """The bytes of a message and its headers.

    `restated`: the bytes were not kept, because the message was applied when it came, so they are written again from
    its event.
    """

    body: bytes
    headers: Headers
    restated: bool = False


class LetterContents:
    """Reads the contents of letters, whole."""

    def __init__(self, backend: Backend):
        self._engine: Engine = backend.engine
        self._facts = FactsOfMessages(backend)

    def of_all(self, letters: Sequence[UntakenMessage]) -> Iterator[tuple[UntakenMessage, Content]]:
        """Each of these letters that still exists, with its content, in the same order; memory stays flat."""
        for start in range(0, len(letters), CONTENTS_AT_ONCE):
            some = letters[start : start + CONTENTS_AT_ONCE]
            found = self._of_some(some)
            yield from ((letter, found[letter.letter_id]) for letter in some if letter.letter_id in found)

    def of(self, letter: UntakenMessage) -> Content | None:
        """The content of one letter; None if the letter no longer exists."""
        return self._of_some([letter]).get(letter.letter_id)

    def _of_some(self, letters: Sequence[UntakenMessage]) -> dict[str, Content]:
        malformed = [letter.letter_id for letter in letters if letter.verdict == Verdict.MALFORMED.value]
        keys = {key_of_letter(letter): letter.letter_id for letter in letters if not is_malformed(letter)}
        kept = malformed_messages.c
        found = {
            row.letter_id: Content(row.body, read_headers(row.headers))
            for row in self._rows(select(kept.letter_id, kept.body, kept.headers).where(kept.letter_id.in_(malformed)))
        }
        raw = raw_messages.c
        of_keys = tuple_(raw.source, raw.message_id, raw.subject).in_(list(map(tuple, keys)))
        for row in self._rows(select(raw_messages).where(of_keys)) if keys else ():
            letter_id = keys.pop(MessageKey(row.source, row.message_id, row.subject))
            found[letter_id] = Content(row.body, read_headers(row.headers))
        for key, fact in self._facts(list(keys)).items():
            found[keys[key]] = Content(*restated(fact, key.subject), restated=True)
        return found

    def _rows(self, question: Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(question).all()


def is_malformed(letter: UntakenMessage) -> bool:
    """Whether the letter is a message that does not fit the contract, and so has no key."""
    return letter.verdict == Verdict.MALFORMED.value


def key_of_letter(letter: UntakenMessage) -> MessageKey:
    """The key of a well-formed letter."""
    assert letter.source is not None and letter.id is not None and letter.subject is not None
    return MessageKey(letter.source, letter.id, letter.subject)
