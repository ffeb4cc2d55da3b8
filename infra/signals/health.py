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
        since = state.waits_since or state.step_began_at or state.stepped_at
        if state.waits_for is not None:
            return Problem(state.part, f"has not moved; it waits: {state.waits_for}", since)
        if state.step_began_at is not None:
            return Problem(state.part, "has not moved: one step has been running since then", since)
        return Problem(state.part, "has not moved since then", since)
    if state.waits_since is not None and now - state.waits_since > limit:
        return Problem(state.part, f"has not moved; it waits: {state.waits_for}", state.waits_since)
    return None


def answer(problems: Sequence[Problem], states: Iterable[PartState]) -> Mapping[str, object]:
    """The body of /healthz and /readyz."""
    return {"ok": not problems, "problems": [problem._asdict() for problem in problems], "parts": _parts(states)}


def _parts(states: Iterable[PartState]) -> list[Mapping[str, object]]:
    return [{"part": s.part, "stepped_at": s.stepped_at, "leads": s.leads, "waits_for": s.waits_for} for s in states]
