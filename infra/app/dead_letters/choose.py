"""Choosing dead letters to act on: by their ids, or all that match a filter."""

from collections.abc import Sequence
from datetime import datetime

from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.dead_letters.show import CANDIDATES, find_letters
from infra.queries.dead_letters import DeadLetterFilter, UntakenMessage
from infra.queries.set_aside import discarded_letters


class CannotChooseError(ValueError):
    """An id names no letter, or several; the error says which."""


def letters_named(waybill: Waybill, beginnings: Sequence[str]) -> list[UntakenMessage]:
    """The letters with these ids, or whose ids begin so, each once. Raises CannotChooseError."""
    known = {letter.letter_id: letter for letter in waybill.dead_letters.by_ids(beginnings)}
    chosen = {}
    for beginning in beginnings:
        letter = known.get(beginning) or _only(find_letters(waybill, beginning), beginning)
        chosen[letter.letter_id] = letter
    return list(chosen.values())


def _only(found: Sequence[UntakenMessage], beginning: str) -> UntakenMessage:
    if len(found) != 1:
        count = "no" if not found else f"{CANDIDATES} or more" if len(found) == CANDIDATES else str(len(found))
        raise CannotChooseError(f"{count} dead letters begin with {beginning}")
    return found[0]


def expect_dead(waybill: Waybill, letters: Sequence[UntakenMessage]) -> None:
    """Raise CannotChooseError if one of these is held and waits: it is no dead letter yet, so it is not discarded."""
    held = [letter.letter_id for letter in letters if letter.verdict == Verdict.HELD.value]
    waiting = waybill.dead_letters.waiting_among(waybill.clock(), held)
    if waiting:
        raise CannotChooseError(f"{min(waiting)} is held and no dead letter yet: it waits for what it names")


def dead_letters_matching(waybill: Waybill, wanted: DeadLetterFilter) -> list[UntakenMessage]:
    """The dead letters that match and are not set aside, the oldest first."""
    return waybill.dead_letters.dead(waybill.clock(), wanted=wanted)


def discarded_matching(
    waybill: Waybill, wanted: DeadLetterFilter, by: str | None = None, since: datetime | None = None
) -> list[UntakenMessage]:
    """The matching letters that were discarded (`by` an operator, `since` an instant), the oldest first."""
    discarded = discarded_letters(waybill.backend.engine, by, since)
    letters = waybill.dead_letters.dead(waybill.clock(), discarded=True, wanted=wanted)
    return [letter for letter in letters if letter.letter_id in discarded]
