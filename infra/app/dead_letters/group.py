"""Grouped: dead letters or held messages counted by what they have in common, the largest group first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from consumers.contract.faults import shape_of
from infra.queries.dead_letters import AlikeLetters, UntakenMessage

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


class UnknownFieldError(ValueError):
    """Letters are not grouped by this; the message quotes the text and lists the fields."""


def read_grouping(text: str) -> tuple[str, ...]:
    """The fields by which letters are grouped, separated by commas. Raises UnknownFieldError."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or any(name not in GROUPED_BY for name in names):
        raise UnknownFieldError(f"{text!r} must be some of {', '.join(GROUPED_BY)}, separated by commas")
    return names


def merged_groups(alike: Iterable[AlikeLetters], by: Sequence[str]) -> list[LetterGroup]:
    """The groups of letters that were counted by these fields, the oldest first: reasons of one shape are one."""
    groups: dict[tuple[str | None, ...], LetterGroup] = {}
    for one in alike:
        values = tuple(
            shape_of(value) if name == "reason" and value is not None else value
            for name, value in zip(by, one.values, strict=True)
        )
        group = groups.get(values)
        if group is None:
            groups[values] = LetterGroup(values, one.letters, one.oldest, one.newest, one.letter_id, one.reason)
        else:
            letters, newest = group.letters + one.letters, max(group.newest, one.newest)
            groups[values] = group._replace(letters=letters, newest=newest)
    return _largest_first(groups.values())


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
    return _largest_first(groups.values())


def _largest_first(groups: Iterable[LetterGroup]) -> list[LetterGroup]:
    return sorted(groups, key=lambda group: (-group.letters, group.oldest))
