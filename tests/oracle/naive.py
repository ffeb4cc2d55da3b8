"""A second reading of what messages mean (docs/settling.md), as slow and plain as possible: the judge of the real one.

It shares nothing with the service: no import of it, no table, no kept state. Every question settles every message again
from the beginning. Where this and the service differ, one of them has misread the design.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from tests.oracle.naive_reading import VOID, Key, Message, NotInContract, Row, read
from tests.oracle.naive_settling import Account, Order, Rep, Subject, settle
from tests.oracle.naive_views import rows_of


class Naive:
    """All lines of one or more files, in the order in which they came."""

    def __init__(self, lines: Iterable[bytes]):
        self.messages: dict[Key, Message] = {}
        self.malformed: set[str] = set()
        self.repeated = 0
        self.received = 0
        for line in lines:
            self.received += 1
            try:
                message = read(line)
            except NotInContract:
                name = hashlib.sha256(line.strip(b" \t\r\n")).hexdigest()
                self.repeated += name in self.malformed
                self.malformed.add(name)
                continue
            self.repeated += message.key in self.messages
            self.messages.setdefault(message.key, message)

    def verdicts(self) -> dict[Key, str]:
        """Of every well-formed message, all of them being known."""
        return self.settled()[1]

    def books(self) -> dict[str, int]:
        """With no message held for too long."""
        count = Counter(self.verdicts().values())
        return {
            "received": self.received,
            "applied": count["applied"],
            "duplicate": count["duplicate"] + self.repeated,
            "held": count["held"],
            "dead": count["refused"] + len(self.malformed),
        }

    def settled(
        self, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> tuple[dict[tuple[str, str], Subject], dict[Key, str]]:
        """Every subject by kind and id, and every verdict: by what had happened at `as_of`, as known at `known_at`."""
        counted = {
            key: message
            for key, message in self.messages.items()
            if (as_of is None or message.type == VOID or message.time <= as_of)
            and (known_at is None or message.recorded is None or message.recorded <= known_at)
        }
        voids: dict[Key, list[Message]] = defaultdict(list)
        for message in counted.values():
            if message.type == VOID:
                voids[message.names].append(message)

        voided = _voided(voids)

        counting = [void for named in voids.values() for void in named if void.key not in voided]
        first: dict[Key, Message] = {}
        for void in sorted(counting, key=lambda m: m.place):
            first.setdefault(void.names, void)

        verdicts: dict[Key, str] = {}
        by_subject: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for key, message in counted.items():
            if key in voided:
                verdicts[key] = "refused"
            elif message.type == VOID:
                # A second void of one message says what is already so.
                taken = "applied" if first[message.names] is message else "duplicate"
                verdicts[key] = taken if message.names in counted else "held"
            else:
                by_subject[message.kind, message.subject].append(message)
        subjects: dict[tuple[str, str], Subject] = {}
        for (kind, subject_id), messages in by_subject.items():
            subject = {"order": Order, "rep": Rep, "account": Account}[kind](subject_id)
            verdicts |= settle(subject, messages)
            subjects[kind, subject_id] = subject
        return subjects, verdicts

    def ask(self, view: str, at: datetime, known_at: datetime | None = None, *, as_of: bool = True) -> list[Row]:
        """A view at an instant. With `as_of` false every message counts and `at` is merely the clock."""
        subjects, _ = self.settled(at if as_of else None, known_at)
        return rows_of(view, subjects, at)


def _voided(voids: dict[Key, list[Message]]) -> set[Key]:
    """What voids that stand name; `voids` are all of them, by what they name. Voids in a ring do not stand either."""
    undecided = [void for named in voids.values() for void in named]
    voided: set[Key] = set()
    while True:
        against = {void.names for void in undecided}
        decided = [void for void in undecided if void.key in voided or void.key not in against]
        if not decided:
            return voided | {void.key for void in undecided}
        for void in decided:
            undecided.remove(void)
            if void.key not in voided:
                voided.add(void.names)
