"""Grouped: dead letters or held messages counted by what they have in common, the largest group first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from consumers.contract.faults import shape_of
from infra.queries.dead_letters import UntakenMessage

GROUPED_BY = ("source", "type", "reason", "topic", "subject", "verdict")


class LetterGroup(NamedTuple):
    """Letters that have the same `values` in the fields by which they are grouped.

    A value of `reason` is its shape (`consumers.contract.faults`). `oldest` and `newest` are when they were recorded;
    `example` is the letter id of the oldest one, and `example_reason` its whole reason.
    """

    values: tuple[str | None, ...]
    letters: int
    oldest: datetime
    newest: datetime
    example: str
    example_reason: str

    def row(self, by: Sequence[str]) -> dict[str, Any]:
        """The fields by name, those by which they are grouped first."""
        return {**dict(zip(by, self.values, strict=True)), **dict(zip(self._fields[1:], self[1:], strict=True))}


def group_letters(letters: Iterable[UntakenMessage], by: Sequence[str]) -> list[LetterGroup]:
    """The groups of these letters, which are in the order in which they were recorded; `by` are of GROUPED_BY."""
    groups: dict[tuple[str | None, ...], LetterGroup] = {}
    for letter in letters:
        values = tuple(shape_of(letter.reason) if name == "reason" else getattr(letter, name) for name in by)
        group = groups.get(values)
        if group is None:
            groups[values] = LetterGroup(values, 1, letter.seen_at, letter.seen_at, letter.letter_id, letter.reason)
        else:
            groups[values] = group._replace(letters=group.letters + 1, newest=letter.seen_at)
    return sorted(groups.values(), key=lambda group: (-group.letters, group.oldest))
