"""Checks of messages: dead letters and their trend, and held messages."""

from datetime import timedelta

from domain.counted import counted
from infra.app.doctor.finding import Finding, warning, wrong
from infra.app.doctor.limits import DEAD_LEAST, DEAD_RISE
from infra.app.doctor.seen import Seen, StoreSeen

LIST = "waybill dead-letters list --by source,type,reason"


def check_dead_letters(store: StoreSeen) -> list[Finding]:
    """Many more in the last day than in the day before is wrong; some that wait for somebody are a warning."""
    dead = store.dead
    if not dead.open:
        return []
    if dead.compares and dead.last_day >= DEAD_LEAST and dead.last_day >= DEAD_RISE * max(1, dead.day_before):
        problem = f"{counted(dead.last_day, 'dead letter')} in the last day, {dead.day_before:,} in the day before"
        problem += _most_often(dead.most)
        return [wrong("dead letters", problem, LIST, dead.first)]
    # Open ones alone, as the command lists them: what was voided or discarded waits for nobody.
    problem = f"{counted(dead.open, 'dead letter')} open{_most_often(dead.most_open)}"
    return [warning("dead letters", problem, LIST, dead.oldest)]


def _most_often(reason: tuple[str, int] | None) -> str:
    return f"; most often: {reason[0]} ({reason[1]:,})" if reason is not None else ""


def check_waiting_for_pruned(store: StoreSeen) -> list[Finding]:
    """What came for an order that was pruned is held until its events are back."""
    waiting, oldest = store.waiting_for_pruned
    if not waiting:
        return []
    wait = "waits" if waiting == 1 else "wait"
    problem = (
        f"{counted(waiting, 'message')} {wait} for the events of pruned orders; of each, waybill message SOURCE ID "
        "says what to type"
    )
    return [warning("pruned", problem, "waybill held list", oldest)]


def check_held(seen: Seen, store: StoreSeen) -> list[Finding]:
    """Held messages that become dead within a quarter of the time for which they may be held."""
    held = store.held
    if held.oldest is None or seen.now - held.oldest < held.hold * 0.75:
        return []
    left = max(held.hold - (seen.now - held.oldest), timedelta(0))
    problem = (
        f"of {counted(held.waiting, 'held message')} the oldest becomes dead in {left.total_seconds() / 3600:.0f} h"
    )
    return [warning("held", problem, "waybill held list", held.oldest)]
