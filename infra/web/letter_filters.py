"""Which dead letters or held messages an address or a form asks for, by the names of the command's options."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from consumers.contract.faults import shape_of
from infra.app.container import Waybill
from infra.app.dead_letters.choose import dead_letters_matching, discarded_matching
from infra.app.dead_letters.group import GROUPED_BY, LetterGroup, UnknownFieldError, read_grouping
from infra.instants import WrongInstantError, age_of, since_of
from infra.queries.dead_letters import DeadLetterFilter, DeadVerdict, UntakenMessage
from infra.web.problems import Problem

TEXTS = ("subject", "source", "type", "matching", "topic", "verdict")
INSTANTS = ("since", "until", "discarded_since")
SHAPE = "shape"
"""A reason without the sender's values, as groups have it. The command has no such option: it groups alone."""
WITHOUT = "without"
"""The fields, separated by commas, that no value could be read of: groups of malformed messages have such."""
NAMES = (*TEXTS, "older_than", *INSTANTS, "discarded_by", SHAPE, WITHOUT)
VERDICTS = tuple(verdict.value for verdict in DeadVerdict)


class LetterChoice(NamedTuple):
    """A choice of letters; `given` are the parameters that make it, in the order of NAMES."""

    wanted: DeadLetterFilter
    shape: str | None
    without: Sequence[str]
    discarded_by: str | None
    discarded_since: datetime | None
    given: Sequence[tuple[str, str]]

    @property
    def is_all(self) -> bool:
        return not self.given

    @property
    def is_of_discarded(self) -> bool:
        """Whether it asks for what somebody discarded."""
        return (self.discarded_by, self.discarded_since) != (None, None)

    def but(self, name: str) -> list[tuple[str, str]]:
        """The parameters without one of them."""
        return [pair for pair in self.given if pair[0] != name]

    @property
    def is_counted_by_the_store(self) -> bool:
        """Whether `wanted` says it all, so that nothing has to be read to be counted."""
        return self.shape is None and not self.without

    def among(self, letters: Iterable[UntakenMessage]) -> list[UntakenMessage]:
        """Those of letters that match the filter which have the shape too."""
        return [
            letter
            for letter in letters
            if (self.shape is None or shape_of(letter.reason) == self.shape)
            and all(getattr(letter, name) is None for name in self.without)
        ]

    def dead(self, waybill: Waybill) -> list[UntakenMessage]:
        """The dead letters that are chosen and not set aside, the oldest first."""
        return self.among(dead_letters_matching(waybill, self.wanted))

    def discarded(self, waybill: Waybill) -> list[UntakenMessage]:
        """The chosen letters that operators discarded."""
        return self.among(discarded_matching(waybill, self.wanted, self.discarded_by, self.discarded_since))

    def of_group(self, group: LetterGroup, by: Sequence[str]) -> list[tuple[str, str]]:
        """The parameters that choose the letters of a group of these."""
        named = {SHAPE if name == "reason" else name: value for name, value in zip(by, group.values, strict=True)}
        missing = [*self.without, *(name for name, value in named.items() if value is None)]
        chosen = {
            **dict(self.given),
            **{name: value for name, value in named.items() if value is not None},
            **({WITHOUT: ",".join(dict.fromkeys(missing))} if missing else {}),
        }
        return list(chosen.items())


def letter_choice(pairs: Iterable[tuple[str, object]], zone: tzinfo, now: datetime) -> LetterChoice:
    """The choice of these parameters; empty ones are none. Raises Problem (400), which names the parameter."""
    told = {name: value.strip() for name, value in pairs if name in NAMES and isinstance(value, str) and value.strip()}
    verdict = told.get("verdict")
    if verdict is not None and verdict not in VERDICTS:
        raise _wrong("verdict", f"{verdict!r} must be one of {', '.join(VERDICTS)}")
    without = [name.strip() for name in told.get(WITHOUT, "").split(",") if name.strip()]
    if wrong := [name for name in without if name not in GROUPED_BY]:
        raise _wrong(WITHOUT, f"{wrong[0]!r} must be one of {', '.join(GROUPED_BY)}")
    instants = {name: _instant(told, name, zone, now) for name in INSTANTS}
    older = _older_than(told, now)
    return LetterChoice(
        DeadLetterFilter(
            subject=told.get("subject"),
            source=told.get("source"),
            type=told.get("type"),
            reason=told.get("matching"),
            topic=told.get("topic"),
            verdict=verdict,
            since=instants["since"],
            until=instants["until"],
        ).before(older),
        told.get(SHAPE),
        without,
        told.get("discarded_by"),
        instants["discarded_since"],
        [(name, told[name]) for name in NAMES if name in told],
    )


def read_by(text: str) -> tuple[str, ...]:
    """The fields by which letters are grouped, separated by commas. Raises Problem (400)."""
    try:
        return read_grouping(text)
    except UnknownFieldError as e:
        raise _wrong("by", str(e)) from None


def _instant(told: dict[str, str], name: str, zone: tzinfo, now: datetime) -> datetime | None:
    try:
        return since_of(told[name], zone, now) if name in told else None
    except WrongInstantError as e:
        raise _wrong(name, str(e)) from None


def _older_than(told: dict[str, str], now: datetime) -> datetime | None:
    try:
        return now - age_of(told["older_than"]) if "older_than" in told else None
    except WrongInstantError as e:
        raise _wrong("older_than", str(e)) from None
    except OverflowError:
        raise _wrong("older_than", f"{told['older_than']} ago is before the year 1") from None


def _wrong(parameter: str, problem: str) -> Problem:
    return Problem(400, f"{parameter}: {problem}", parameter=parameter)
