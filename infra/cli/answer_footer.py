"""The line below each answer: which store gave it, how old that is, and whether the views are behind.

A pure text of a few facts, so that nobody takes the answer of a forgotten or a stale store for the present.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from infra.app.container import Waybill
from infra.app.store_standing import MOST_COUNTED, StoreStanding, store_standing

EMPTY = "empty: no message was ever received"


class AnswerFooter(NamedTuple):
    """The line, and what stands in place of rows where there is nothing to tell because the store is empty."""

    line: str
    empty_store: str | None

    def empty(self, otherwise: str = "none") -> str:
        """What to say when there are no rows."""
        return self.empty_store or otherwise


def answer_footer(waybill: Waybill, reflected: int | None = None, *, tells_views: bool = True) -> AnswerFooter:
    """The footer of an answer that reflects this position; without one, of an answer that no view gave.

    With `tells_views` false, it leaves the views to a command that says itself how far they are behind.
    """
    standing = store_standing(waybill, reflected)
    nothing = None if standing.received else f"the store {standing.store} is {EMPTY}"
    return AnswerFooter(footer_text(standing, waybill.clock(), tells_views=tells_views), nothing)


def footer_text(standing: StoreStanding, now: datetime, *, tells_views: bool = True) -> str:
    """The line itself, such as `store waybill.db: position 6, newest event 3 min ago, views up to date`."""
    if standing.recorded_at is None:
        return f"store {standing.store}: " + ("no event yet" if standing.received else EMPTY)
    newest = f"newest event {readable_age(now - standing.recorded_at)}"
    return f"store {standing.store}: position {standing.position}, {newest}{_views(standing) if tells_views else ''}"


def _views(standing: StoreStanding) -> str:
    if not standing.behind:
        return ", views up to date"
    events = f"more than {MOST_COUNTED:,}" if standing.behind > MOST_COUNTED else f"{standing.behind:,}"
    what = "event" if standing.behind == 1 else "events"
    remedy = "one is paused or failed: waybill status" if standing.stands_still else "waybill project --once"
    return f", views {events} {what} behind: {remedy}"


def readable_age(age: timedelta) -> str:
    """How long ago that is, in one unit: `12 s ago`, `3 min ago`, `5 h ago`, `12 days ago`."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return f"{_span(-seconds)} ahead of the clock"
    return f"{_span(seconds)} ago"


def _span(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86_400:
        return f"{seconds // 3_600} h"
    return f"{seconds // 86_400} days"
