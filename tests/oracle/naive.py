"""A second reading of what messages mean (docs/settling.md), as slow and plain as possible: the judge of the real one.

It shares nothing with the service: no import of it, no table, no kept state. Every question settles every message again
from the beginning. Where this and the service differ, one of them has misread the design.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from tests.oracle.naive_order import Order, Subject
from tests.oracle.naive_reading import VOID, Key, Message, NotInContract, Row, claimed_key, read
from tests.oracle.naive_settling import Account, Parcel, Rep, StandingOrder, settle
from tests.oracle.naive_views import rows_of

SUBJECTS: dict[str, Callable[[str], Subject]] = {
    "order": Order,
    "rep": Rep,
    "account": Account,
    "standing_order": StandingOrder,
    "parcel": Parcel,
}
FIRST = datetime.min.replace(tzinfo=UTC)


class Naive:
    """All lines of one or more files, in the order in which they came.

    `clock` is what the service's clock shows; a message whose time is more than `skew` ahead of it is held.
    """

    def __init__(self, lines: Iterable[bytes], clock: datetime | None = None, skew: timedelta = timedelta(hours=1)):
        self.messages: dict[Key, Message] = {}
        self.malformed: dict[str, Key | None] = {}
        """By name, with what each claims to be, if that can be read."""
        self.repeated = 0
        self.received = 0
        self.clock = clock
        self.skew = skew
        for line in lines:
            self.received += 1
            try:
                message = read(line)
            except NotInContract:
                name = hashlib.sha256(line.strip(b" \t\r\n")).hexdigest()
                self.repeated += name in self.malformed
                self.malformed[name] = claimed_key(line)
                continue
            self.repeated += message.key in self.messages
            self.messages.setdefault(message.key, message)

    def verdicts(self, known_at: datetime | None = None) -> dict[Key, str]:
        """Of every well-formed message that was known by then (None: now)."""
        return self.settled(known_at=known_at)[1]

    def voided(self, known_at: datetime | None = None) -> set[Key]:
        """The messages that a void speaks of which counts."""
        return _voided(_by_name(self._known(known_at).values()))[0]

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
        self, as_of: datetime | None = None, known_at: datetime | None = None, at: datetime | None = None
    ) -> tuple[dict[tuple[str, str], Subject], dict[Key, str]]:
        """Every subject by kind and id, and every verdict: by what had happened at `as_of`, as known at `known_at`.

        `at` is the instant at which the clock has its last turn.
        """
        known = self._known(known_at)
        counted = {
            key: message
            for key, message in known.items()
            if as_of is None or message.type == VOID or message.time <= as_of
        }
        clock = known_at or self.clock
        ahead = {
            key
            for key, message in counted.items()
            if clock is not None and message.type != VOID and message.time > clock + self.skew
        }
        voids = _by_name(counted.values())
        voided, ringed = _voided(voids)

        verdicts: dict[Key, str] = {}
        by_subject: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for key, message in counted.items():
            if key in voided or key in ringed:
                verdicts[key] = "refused"
            elif key in ahead:
                verdicts[key] = "held"
            elif message.type == VOID:
                counting = [void for void in voids[message.names] if void.key not in voided]
                first = min(counting, key=lambda void: void.place)
                if message.names not in counted:
                    verdicts[key] = "held"
                else:
                    verdicts[key] = "applied" if key == first.key else "duplicate"
            else:
                by_subject[message.kind, message.subject].append(message)
        subjects: dict[tuple[str, str], Subject] = {}
        for (kind, subject_id), messages in by_subject.items():
            subject = SUBJECTS[kind](subject_id)
            verdicts |= settle(subject, messages, at or as_of or FIRST)
            subjects[kind, subject_id] = subject
        return subjects, verdicts

    def untaken(self, at: datetime, known_at: datetime | None = None) -> Counter[str]:
        """By subject: messages that had happened by `at` and are not taken, and malformed ones that claim to be of it.

        A malformed one is recorded when the service's clock stands, and counts unless what it claims to be was applied.
        """
        verdicts, voided = self.verdicts(known_at), self.voided(known_at)
        untaken = Counter(
            key[0]
            for key, verdict in verdicts.items()
            if verdict in ("held", "refused") and key not in voided and self.messages[key].time <= at
        )
        if self.clock is not None and at >= self.clock and (known_at is None or known_at >= self.clock):
            applied = {key for key, verdict in verdicts.items() if verdict == "applied"}
            untaken.update(key[0] for key in self.malformed.values() if key is not None and key not in applied)
        return untaken

    def ask(self, view: str, at: datetime, known_at: datetime | None = None, *, as_of: bool = True) -> list[Row]:
        """A view at an instant. With `as_of` false every message counts and `at` is merely the clock."""
        subjects, _ = self.settled(at if as_of else None, known_at, at)
        return rows_of(view, subjects, at, self.untaken(at, known_at))

    def _known(self, known_at: datetime | None) -> dict[Key, Message]:
        return {
            key: message
            for key, message in self.messages.items()
            if known_at is None or message.recorded is None or message.recorded <= known_at
        }


def _by_name(messages: Iterable[Message]) -> dict[Key, list[Message]]:
    """All voids, by what they name."""
    voids: dict[Key, list[Message]] = defaultdict(list)
    for message in messages:
        if message.type == VOID:
            voids[message.names].append(message)
    return voids


def _voided(voids: dict[Key, list[Message]]) -> tuple[set[Key], set[Key]]:
    """What voids that count name, and the voids that name each other in a ring; `voids` are all, by what they name."""
    undecided = [void for named in voids.values() for void in named]
    voided: set[Key] = set()
    while True:
        against = {void.names for void in undecided}
        decided = [void for void in undecided if void.key in voided or void.key not in against]
        if not decided:
            return voided, {void.key for void in undecided}
        for void in decided:
            undecided.remove(void)
            if void.key not in voided:
                voided.add(void.names)
