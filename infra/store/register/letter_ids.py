"""Letter ids: the ids of untaken messages as dead letters."""

import hashlib

from domain.verdict import Outcome, Verdict

LENGTH = 16
NOT_APPLIED = (Verdict.HELD, Verdict.REFUSED)


def letter_id_of(source: str, message_id: str, subject: str) -> str:
    """The letter id of a well-formed message: the first 16 hexadecimal digits of the SHA-256 of its key."""
    return hashlib.sha256("\0".join((source, message_id, subject)).encode()).hexdigest()[:LENGTH]


def is_of_malformed(letter_id: str) -> bool:
    """Whether it is the id of a malformed message: its place in Kafka, or the whole SHA-256 of its bytes."""
    return len(letter_id) != LENGTH or "/" in letter_id


def letter_id_kept(outcome: Outcome, source: str, message_id: str, subject: str) -> str | None:
    """The value for a message's row: the id while it is not taken, because most messages never become letters."""
    return letter_id_of(source, message_id, subject) if outcome.verdict in NOT_APPLIED else None
