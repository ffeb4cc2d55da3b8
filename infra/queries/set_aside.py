"""How a dead letter was set aside, by whom and why."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select

from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import is_malformed
from infra.store.register.set_aside import DISCARDED
from infra.store.register.tables import letters_set_aside

SUPERSEDED = "superseded"
VOIDED = "voided"


class SetAsideLetter(NamedTuple):
    """How a letter was set aside: "voided", "discarded", "edited" or "superseded". By whom and why, if by a person."""

    how: str
    at: datetime
    operator: str | None
    reason: str | None


def how_set_aside(engine: Engine, letter: UntakenMessage) -> SetAsideLetter | None:
    """None for a letter that is listed."""
    if letter.discarded_at is None:
        return None
    columns = letters_set_aside.c
    question = select(columns.how, columns.at, columns.operator, columns.reason)
    with engine.connect() as connection:
        found = connection.execute(question.where(columns.letter_id == letter.letter_id)).one_or_none()
    if found is not None:
        return SetAsideLetter(found.how, found.at, found.operator or None, found.reason or None)
    # Nobody's act: another message did it.
    return SetAsideLetter(SUPERSEDED if is_malformed(letter) else VOIDED, letter.discarded_at, None, None)


def discarded_letters(engine: Engine, by: str | None = None, since: datetime | None = None) -> set[str]:
    """The ids of letters that operators discarded: only `by` this one, only `since` this instant."""
    columns = letters_set_aside.c
    question = select(columns.letter_id).where(columns.how == DISCARDED)
    if by is not None:
        question = question.where(columns.operator == by)
    if since is not None:
        question = question.where(columns.at >= since)
    with engine.connect() as connection:
        return set(connection.execute(question).scalars())
