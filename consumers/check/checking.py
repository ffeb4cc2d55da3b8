"""Checking: reads the messages of a file as ingest would, and says what does not fit and what would be ignored."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from heapq import nsmallest
from typing import NamedTuple

from consumers.check.envelope_names import attributes_and_names_given_twice, is_misspelt_attribute, meant_attribute
from consumers.check.reused_ids import ReusedId, ReusedIds
from consumers.contract import CATALOGUE, Malformed, ReadingRules, WellFormed, read_record, too_large
from consumers.contract.claims import claimed_by
from consumers.contract.faults import problems_by_field, without_row_numbers
from consumers.sources.json_lines import UnreadableSourceError
from consumers.sources.source import FeedPosition, RawMessage, Source
from domain.counted import counted
from domain.nearest import did_you_mean

ERROR, WARNING = "error", "warning"

MOST_IGNORED = 1_000
"""How many different ignored fields are told apart; messages with others are counted together."""
IGNORED, UNKNOWN, TWICE = "ignored field", "unknown attribute", "given twice"
_Ignored = dict[tuple[str, str, str], tuple[int, int]]
"""Type, field and what is wrong with it, to the first line and how many messages have it."""


class NotAMessage(StrEnum):
    """What a line is that is no JSON object: of UTF-16, (the beginning of) a list, or (a part of) something else."""

    UTF_16 = "UTF-16"
    LIST = "list"
    PART = "part"


class Finding(NamedTuple):
    """What is wrong (an error) or may be wrong (a warning) in a line, counted from 1.

    `field` is a path such as "data.lines[0].quantity", or "message" for all of it. `problem` says what must be there
    and what is. `source`, `id` and `type` are what the message says, as far as they can be read.
    """

    level: str
    file: str
    line: int
    field: str
    problem: str
    source: str | None = None
    id: str | None = None
    type: str | None = None


class Checking:
    """Checks files. At most `most` errors and `most` warnings are kept; all are counted.

    `messages` and `malformed` count messages; a malformed message may have several errors.
    """

    def __init__(self, rules: ReadingRules, clock: Callable[[], datetime], *, most: int):
        self._rules = rules
        self._clock = clock
        self._most = most
        self.messages = self.malformed = self.damaged = 0
        self.not_a_message: Counter[NotAMessage] = Counter()
        self.counts: Counter[str] = Counter()
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []

    @property
    def fits(self) -> bool:
        """Whether every message fits the contract, and every file could be read to its end."""
        return not self.malformed and not self.damaged

    def check(self, file: str, source: Source) -> None:
        """Check one file; `file` is its name in the findings."""
        ignored: _Ignored = {}
        last_line, before = 0, self.messages + self.damaged
        with ReusedIds() as ids:
            try:
                for batch in source.batches(FeedPosition()):
                    now = self._clock()
                    for raw in batch.messages:
                        last_line = raw.offset + 1
                        self._check_one(file, raw, now, ignored, ids)
            except UnreadableSourceError as error:
                self.damaged += 1
                reason = str(error).removeprefix(f"{source.topic}: ")
                self._found(Finding(ERROR, file, last_line + 1, "file", f"must be readable to its end: {reason}"))
            if self.messages + self.damaged == before:
                self._found(Finding(WARNING, file, 1, "file", "has no messages"))
            self._warn(file, ignored, ids)

    def _check_one(self, file: str, raw: RawMessage, now: datetime, ignored: _Ignored, ids: ReusedIds) -> None:
        self.messages += 1
        line = raw.offset + 1
        read = self._read(raw, now)
        if isinstance(read, Malformed):
            self.malformed += 1
            if (cause := _not_a_message(raw.body, read.reason)) is not None:
                self.not_a_message[cause] += 1
            for finding in self._errors(file, line, raw, read.reason):
                self._found(finding)
            return
        ids.add(line, read)
        attributes, twice = attributes_and_names_given_twice(raw.body)
        fields = {(f"data.{without_row_numbers(field)}", IGNORED) for field in read.ignored}
        fields |= {(name, UNKNOWN) for name in attributes if is_misspelt_attribute(name)}
        fields |= {(name, TWICE) for name in twice}
        for field, why in fields:
            key = (read.type, field, why)
            if key not in ignored and len(ignored) >= MOST_IGNORED:
                key = (read.type, "others", why)
            first, times = ignored.get(key, (line, 0))
            ignored[key] = (first, times + 1)

    def _read(self, raw: RawMessage, now: datetime) -> WellFormed | Malformed:
        if raw.whole is not None or len(raw.body) > self._rules.max_bytes:
            return too_large(raw.size, self._rules, raw.sha256)
        return read_record(raw.body, raw.headers, now, self._rules)

    def _errors(self, file: str, line: int, raw: RawMessage, reason: str) -> Iterator[Finding]:
        claimed = claimed_by(raw.body, ()) if len(self.errors) < self._most else None
        said = (claimed.source, claimed.id, claimed.type) if claimed is not None else (None, None, None)
        problems, more = problems_by_field(reason)
        for field, problem in problems:
            yield Finding(ERROR, file, line, field, problem, *said)
        if more:
            yield Finding(
                ERROR,
                file,
                line,
                "message",
                f"{counted(more, 'more field')} of it {'is' if more == 1 else 'are'} wrong",
                *said,
            )

    def _warn(self, file: str, ignored: _Ignored, ids: ReusedIds) -> None:
        for (message_type, field, why), (first, times) in sorted(ignored.items(), key=lambda one: (one[1], one[0])):
            where = "" if times == 1 else f" in {times} messages, first in this one"
            if why == TWICE:
                problem = f"given twice{where}: the last one counts; leave the others out"
            elif why == UNKNOWN:
                problem = f"ignored{where}: CloudEvents has no such attribute{meant_attribute(field)}"
            else:
                problem = f"ignored{where}: {message_type} has no such field{_meant(message_type, field)}"
            self._found(Finding(WARNING, file, first, field, problem, type=message_type))
        reused = 0

        def found() -> Iterator[ReusedId]:
            nonlocal reused
            for one in ids.found():
                reused += 1
                yield one

        room = max(self._most - len(self.warnings), 0)
        for line, first_line, other_subject in nsmallest(room, found()):
            problem = (
                f"the source and id of line {first_line} with another subject: both are taken, as two messages; if "
                "this is one message, correct the subject, else give it an id of its own"
                if other_subject
                else f"the source and id of line {first_line} with other content: the first to come is taken, and this "
                "is a duplicate; give it an id of its own"
            )
            self.warnings.append(Finding(WARNING, file, line, "id", problem))
        self.counts[WARNING] += reused

    def _found(self, finding: Finding) -> None:
        self.counts[finding.level] += 1
        kept = self.errors if finding.level == ERROR else self.warnings
        if len(kept) < self._most:
            kept.append(finding)


def _meant(message_type: str, field: str) -> str:
    """A known field that looks like this one, for the end of a warning."""
    return did_you_mean(field.removeprefix("data."), CATALOGUE[message_type].known_fields)


def _not_a_message(body: bytes, reason: str) -> NotAMessage | None:
    """What a malformed line is if it is no JSON object; None if it is one, or too large."""
    if "looks like UTF-16" in reason:
        return NotAMessage.UTF_16
    if not reason.startswith(("message: must be JSON", "message: must be a JSON object", "message: must be UTF-8")):
        return None
    return NotAMessage.LIST if body.lstrip().startswith(b"[") else NotAMessage.PART
