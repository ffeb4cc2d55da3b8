"""Corrections: the messages that operators published in place of wrong ones.

A correction names the wrong message as its cause. Other messages do so too, such as an upstream's cancellation of an
order; what tells them apart is who published them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from consumers.ingest.register import MessageKey
from domain.operator.acts import OPERATOR_SOURCE
from infra.queries.selected_messages import SelectedMessage, SelectedMessages

_OPERATORS = f"{OPERATOR_SOURCE}/"


def is_correction(one: SelectedMessage) -> bool:
    """Whether an operator published the message in place of another one.

    It came on the feed of an act (`correct`), or is from an operator (an edited copy of a dead letter).
    """
    return one.fact.causation_id is not None and (
        one.feed.startswith(_OPERATORS) or one.key.source.startswith(_OPERATORS)
    )


def is_correction_of(one: SelectedMessage, wrong: MessageKey, subjects: Collection[str]) -> bool:
    """Whether the message is a correction of the wrong one, about that subject or another one.

    `subjects` are all those for which the source used the id of the wrong message: a correction about one of them is
    of the message about that subject.
    """
    return (
        is_correction(one)
        and one.fact.causation_id == wrong.message_id
        and (one.key.source == wrong.source or one.key.source.startswith(_OPERATORS))
        and (one.key.subject == wrong.subject or one.key.subject not in subjects)
    )


class StandingCorrections:
    """Which messages were corrected, read once from all streams; memory holds the corrections."""

    def __init__(self, selected: SelectedMessages):
        self._by_cause: Mapping[str, list[SelectedMessage]] = defaultdict(list)
        for one in selected.of_operators():
            if one.fact.causation_id is not None and is_correction(one):
                self._by_cause[one.fact.causation_id].append(one)

    def of(self, wrong: MessageKey, subjects: Collection[str]) -> Sequence[SelectedMessage]:
        """The corrections of a message that are not void, or else the corrections of those."""
        return list(self._of(wrong, subjects))

    def _of(self, wrong: MessageKey, subjects: Collection[str]) -> Iterator[SelectedMessage]:
        for one in self._by_cause.get(wrong.message_id, ()):
            if not is_correction_of(one, wrong, subjects):
                continue
            if one.voided:
                yield from self._of(one.key, (one.key.subject,))
            else:
                yield one
