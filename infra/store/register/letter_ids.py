"""By what a message that was not taken is named as a dead letter."""

import hashlib

from domain.verdict import Outcome, Verdict

NOT_APPLIED = (Verdict.HELD, Verdict.REFUSED)


def letter_id_of(source: str, message_id: str, subject: str) -> str:
    """The letter id of a well-formed message: the first 16 hexadecimal digits of a SHA-256 of what it is known by."""
    return hashlib.sha256("\0".join((source, message_id, subject)).encode()).hexdigest()[:16]


def letter_id_kept(outcome: Outcome, source: str, message_id: str, subject: str) -> str | None:
    """What stands in a message's row: the id while it is not taken, since most messages never are letters."""
    return letter_id_of(source, message_id, subject) if outcome.verdict in NOT_APPLIED else None
