"""Discard and restore: setting dead letters aside, with a reason, and the undo of that."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.operator.acts import DeadLetterDiscarded, DeadLetterRestored
from infra.app.container import Waybill
from infra.store.operator_log import Acting, Who
from infra.store.register.letters import LettersTransaction, StoredLetters
from infra.store.register.set_aside import DISCARDED

LETTERS_AT_ONCE = 500


class SetAsideReport(NamedTuple):
    """The ids of the letters that were changed, and how many were not, because they were so before."""

    changed: Sequence[str]
    unchanged: int


def discard(waybill: Waybill, letter_ids: Sequence[str], operator: str, reason: str) -> SetAsideReport:
    """Discard dead letters: they stay in the books and leave the lists.

    In batches, each with its acts in one transaction; after a kill, the same again discards the others. A letter that
    is set aside already, or is no dead letter any more, is left as it is.
    """

    def set_aside(letters: LettersTransaction, acting: Acting, some: Sequence[str]) -> Sequence[str]:
        done = letters.set_aside(some, DISCARDED, operator, reason, acting.now, acting.now - waybill.hold)
        for letter_id in done:
            acting.log(DeadLetterDiscarded, letter_id=letter_id)
        return done

    return _in_batches(waybill, letter_ids, Who(operator, reason), set_aside)


def restore(waybill: Waybill, letter_ids: Sequence[str], operator: str, reason: str = "") -> SetAsideReport:
    """Undo `discard`, or the setting aside by an edit: the letters are listed again, unless they are superseded."""

    def take_back(letters: LettersTransaction, acting: Acting, some: Sequence[str]) -> Sequence[str]:
        done = letters.take_back(some)
        for letter_id in done:
            acting.log(DeadLetterRestored, letter_id=letter_id)
        return done

    return _in_batches(waybill, letter_ids, Who(operator, reason), take_back)


def _in_batches(
    waybill: Waybill,
    letter_ids: Sequence[str],
    who: Who,
    act: Callable[[LettersTransaction, Acting, Sequence[str]], Sequence[str]],
) -> SetAsideReport:
    store = StoredLetters(waybill.backend)
    changed: list[str] = []
    for start in range(0, len(letter_ids), LETTERS_AT_ONCE):
        some = letter_ids[start : start + LETTERS_AT_ONCE]

        def batch(acting: Acting, some: Sequence[str] = some) -> Sequence[str]:
            return act(store.within(acting.connection), acting, some)

        changed += waybill.operator_log.act(who, batch)
    return SetAsideReport(changed, len(letter_ids) - len(changed))
