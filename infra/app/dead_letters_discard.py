"""Discard and restore: setting dead letters aside, with a reason, and the undo of that."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.operator.acts import DeadLetterDiscarded, DeadLetterRestored
from infra.app.container import Waybill
from infra.store.register.letters import LettersTransaction, StoredLetters
from infra.store.register.superseded import DISCARDED

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

    def set_aside(transaction: LettersTransaction, some: Sequence[str]) -> Sequence[str]:
        now = waybill.clock()
        done = transaction.set_aside(some, DISCARDED, operator, reason, now, now - waybill.hold)
        transaction.log([DeadLetterDiscarded.by(operator, now, reason, letter_id=letter_id) for letter_id in done])
        return done

    return _in_batches(waybill, letter_ids, set_aside)


def restore(waybill: Waybill, letter_ids: Sequence[str], operator: str, reason: str = "") -> SetAsideReport:
    """Undo `discard`, or the setting aside by an edit: the letters are listed again, unless they are superseded."""

    def take_back(transaction: LettersTransaction, some: Sequence[str]) -> Sequence[str]:
        done = transaction.take_back(some)
        now = waybill.clock()
        transaction.log([DeadLetterRestored.by(operator, now, reason, letter_id=letter_id) for letter_id in done])
        return done

    return _in_batches(waybill, letter_ids, take_back)


def _in_batches(
    waybill: Waybill,
    letter_ids: Sequence[str],
    act: Callable[[LettersTransaction, Sequence[str]], Sequence[str]],
) -> SetAsideReport:
    store = StoredLetters(waybill.backend)
    changed: list[str] = []
    for start in range(0, len(letter_ids), LETTERS_AT_ONCE):
        some = letter_ids[start : start + LETTERS_AT_ONCE]

        def batch(some: Sequence[str] = some) -> Sequence[str]:
            with store.transaction() as transaction:
                return act(transaction, some)

        changed += waybill.retry(batch)
    return SetAsideReport(changed, len(letter_ids) - len(changed))
