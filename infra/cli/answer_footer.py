"""The line below each answer: which store gave it, how old that is, and whether views and reactors are behind.

`answer_footer` reads where the store stands; the texts are pure. They keep people from taking the answer of a forgotten
or stale store for the present.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.counted import counted_up_to
from infra.app.container import Waybill
from infra.app.reactor_lag import NotStated, not_stated
from infra.app.store_standing import MOST_COUNTED, StoreStanding, short_name, store_standing
from infra.cli.output import readable_instant
from infra.masking import masked
from infra.store.failures import reason_of
from infra.store.retries import store_failures

EMPTY = "empty: no message was ever received"


class AnswerFooter(NamedTuple):
    """The line, and what stands in place of rows where there is nothing to tell because the store is empty.

    The line is followed by another if the answer lacks what follows from stored messages and nobody has stated yet.
    """

    line: str
    empty_store: str | None

    def empty(self, otherwise: str = "none") -> str:
        """What to say when there are no rows."""
        return self.empty_store or otherwise


def answer_footer(
    waybill: Waybill, reflected: int | None = None, *, tells_views: bool = True, reactors: Collection[str] = ()
) -> AnswerFooter:
    """The footer of an answer that reflects this position; without one, of an answer that no view gave.

    With `tells_views` false, it leaves the views to a command that says itself how far they are behind. `reactors`
    names those whose messages change the answer (infra/app/reactor_lag.py); an answer as known at an instant depends on
    none, because it derives what follows itself. If the store fails meanwhile, the line says so.
    """
    try:
        return _footer(waybill, reflected, tells_views=tells_views, reactors=reactors)
    except store_failures() as e:
        # The answer is read already: this failure must not take it away, and is told in the footer's place.
        failed = f"where it stands could not be read: {masked(reason_of(e))}"
        return AnswerFooter(f"store {short_name(waybill.settings)}: {failed}: waybill doctor", None)


def _footer(waybill: Waybill, reflected: int | None, *, tells_views: bool, reactors: Collection[str]) -> AnswerFooter:
    standing = store_standing(waybill, reflected)
    nothing = None if standing.received else f"the store {standing.store} is {EMPTY}"
    lines = [footer_text(standing, waybill.clock(), tells_views=tells_views)]
    if reactors and standing.received and (missing := not_stated(waybill, reactors)) is not None:
        lines.append(not_stated_text(missing))
    return AnswerFooter("\n".join(lines), nothing)


def before_first_order(first: datetime) -> str:
    """The line below an answer of an instant from which the store has nothing."""
    return f"that is before the first order of this store ({readable_instant(first)})"


def not_stated_text(missing: NotStated) -> str:
    """The line about what is not stated yet, with the command that states it."""
    return f"{missing}: waybill react --once"


def footer_text(standing: StoreStanding, now: datetime, *, tells_views: bool = True) -> str:
    """The line itself, such as `store waybill.db: position 6, last message 3 min ago, views up to date`."""
    unread = _unread(standing)
    if not standing.position:
        return f"store {standing.store}: {'no event yet' if standing.received else EMPTY}{unread}"
    last = "" if standing.received_at is None else f", last message {readable_age(now - standing.received_at)}"
    views = _views(standing) if tells_views else ""
    return f"store {standing.store}: position {standing.position}{last}{views}{unread}"


def _unread(standing: StoreStanding) -> str:
    if standing.unread_since is None:
        return ""
    since = readable_instant(standing.unread_since)
    return f"; consume is paused since {since}, messages may be unread: waybill resume consume"


def _views(standing: StoreStanding) -> str:
    if not standing.behind:
        return ", views up to date"
    events = counted_up_to(standing.behind, MOST_COUNTED, "event")
    remedy = "one is paused or failed: waybill status" if standing.stands_still else "waybill project --once"
    return f", views {events} behind: {remedy}"


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
