"""What is wrong with this process, and since when: pure functions over the pulses of its parts and the readings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from infra.signals.pulse import PartState


class Problem(NamedTuple):
    """`part` is a part of this process, `store` or `kafka`. `since` is in UTC, None if unknown."""

    part: str
    problem: str
    since: datetime | None = None


class Place(NamedTuple):
    """How far something has come, as the store tells: a projection, a reactor or an outbox.

    `part` moves it. `behind` says that there is work that it should do (paused ones have none).
    """

    part: str
    name: str
    position: int
    behind: bool


def died(states: Iterable[PartState]) -> list[Problem]:
    """The parts whose loops have ended."""
    return [Problem(s.part, f"its loop has ended: {s.ended}", s.ended_at) for s in states if s.ended is not None]


def stuck(states: Iterable[PartState], now: datetime, limit: timedelta) -> list[Problem]:
    """The parts that run and have not moved for longer than `limit` although they have work."""
    found = (_stuck(state, now, limit) for state in states if state.ended is None)
    return [problem for problem in found if problem is not None]


def _stuck(state: PartState, now: datetime, limit: timedelta) -> Problem | None:
    if now - state.stepped_at > limit:
        told, since = _why(state)
        return Problem(state.part, f"has not moved{told}", since or state.stepped_at)
    if state.trouble is not None and now - state.trouble[1] > limit:
        return Problem(state.part, f"has not moved; it waits: {state.trouble[0]}", state.trouble[1])
    return None


def _why(state: PartState) -> tuple[str, datetime | None]:
    """The end of a sentence that says why it does not move, and since when that is so."""
    if state.trouble is not None:
        return f"; it waits: {state.trouble[0]}", state.trouble[1]
    if state.step_began_at is not None:
        return ": one step has been running since then", state.step_began_at
    return " since then", None


def with_reason(problem: Problem, states: Iterable[PartState]) -> Problem:
    """A problem of a part, with what the part waits for."""
    waits = next((s.trouble[0] for s in states if s.part == problem.part and s.trouble is not None), None)
    return problem if waits is None else problem._replace(problem=f"{problem.problem}; it waits: {waits}")


def answer(problems: Sequence[Problem], states: Iterable[PartState]) -> Mapping[str, object]:
    """The body of /healthz and /readyz."""
    return {"ok": not problems, "problems": [problem._asdict() for problem in problems], "parts": _parts(states)}


def _parts(states: Iterable[PartState]) -> list[Mapping[str, object]]:
    return [
        {
            "part": s.part,
            "stepped_at": s.stepped_at,
            "leads": s.leads,
            "waits_for": None if s.trouble is None else s.trouble[0],
        }
        for s in states
    ]
