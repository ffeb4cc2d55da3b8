"""Rebuilds in words: how far they are, how fast, how long they will take, and how they ended."""

from decimal import Decimal
from typing import NamedTuple

from infra.app.rebuild.meter import CATCHING_UP, LOADING
from infra.app.rebuild.standing import RebuildStanding
from infra.web.pages.words import span_text
from infra.web.rebuilding import Rebuilds, Run
from projections.rebuild import RebuildProgress, progress

SECONDS_OF_STILLNESS = 10.0
"""After so long without a move, a rebuild of another process is taken to be cut off."""


class ShownRebuild(NamedTuple):
    """A rebuild as pages show it; `key` stays the same while it goes on.

    `state` is `running` (by this server), `begun` (in the store; another process may run it), `done` or `stopped`.
    """

    key: str
    state: str
    projections: list[str]
    title: str
    text: str
    done: int | None
    total: int | None


def shown_rebuilds(rebuilds: Rebuilds) -> list[ShownRebuild]:
    """The rebuild that this server runs or ran last, and those begun on the store besides."""
    last = rebuilds.last
    own = [] if last is None else [of_run(last)]
    running = set(last.projections) if last is not None and last.is_running else set()
    return own + [of_standing(one, None, None) for one in rebuilds.standings() if one.name not in running]


def of_run(run: Run) -> ShownRebuild:
    names = ", ".join(run.projections)
    key = f"run {run.began_at.isoformat()}"
    told = run.progress
    done, total = (None, None) if told is None else (told.done, told.total)
    if run.done and not run.is_running:
        serves = "; ".join(
            f"{one.projection}: build {one.build} of version {one.version} serves at position {one.position:,}"
            for one in run.done
        )
        text = serves if run.problem is None else f"{serves}. Afterwards something failed: {run.problem}"
        return ShownRebuild(key, "done", list(run.projections), f"{names} rebuilt", text, done, total)
    if run.problem is not None:
        title = f"The rebuild of {names} stopped"
        return ShownRebuild(key, "stopped", list(run.projections), title, run.problem, done, total)
    title = f"{names} is being rebuilt by {run.operator}"
    text = "beginning" if told is None else progress_words(told)
    return ShownRebuild(key, "running", list(run.projections), title, text, done, total)


def of_standing(one: RebuildStanding, here: int | None, seconds: float | None) -> ShownRebuild:
    """A rebuild in the store, of which `here` events were seen done in the last `seconds`; None: it was seen once."""
    key = f"begun {one.name} {one.version} {one.begun_at.isoformat()}"
    title = f"A rebuild of {one.name} has begun"
    if one.done is None or one.total is None:
        text = "it is of another version of the code"
    elif here:
        text = progress_words(progress(one.part, one.done, one.total, here, seconds or 0))
    else:
        text = progress_words(RebuildProgress(one.part, one.done, one.total, None, None))
        if seconds is not None and seconds >= SECONDS_OF_STILLNESS:
            text += "; it does not move: rebuild it again to continue"
    return ShownRebuild(key, "begun", [one.name], title, text, one.done, one.total)


def progress_words(told: RebuildProgress) -> str:
    """Such as "filling the new rows: 1,200 of 5,000 events, 800 a second, 5 s left"."""
    part = "catching up with newer events" if told.part == CATCHING_UP else f"{told.part} the new rows"
    if told.done >= told.total and told.part == CATCHING_UP:
        return "taking the new rows into use"
    counted = "rows" if told.part == LOADING else "events"
    rate = "" if told.rate is None else f", {told.rate:,.0f} a second"
    left = "" if told.seconds_left is None else f", {_left(told.seconds_left)} left"
    return f"{part}: {told.done:,} of {told.total:,} {counted}{rate}{left}"


def _left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else span_text(Decimal(seconds) / 3600)
