"""Links from a number to the rows behind it, by the same clocks."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from consumers.contract.writing import instant_text
from infra.web.clocks import Clocks
from projections.views.as_of import moved
from projections.views.desk_load import DUE_SOON, OVERDUE, RISKS

Pair = tuple[str, str]


class RowsBehind:
    """Links to tables; each takes further filters, such as ("segment", "b2b").

    `whose` is a filter that all of them have, such as ("rep_id", "rep-7"); without it they lead to everybody's rows.
    `instant` is T, in UTC.
    """

    def __init__(self, clocks: Clocks, instant: datetime, whose: Pair | None = None):
        self._clocks, self._instant = clocks, instant
        self._whose = [] if whose is None else [whose]

    def _link(self, path: str, *filters: Pair) -> str:
        query = "&".join(part for part in (urlencode([*self._whose, *filters]), self._clocks.query) if part)
        return f"{path}?{query}" if query else path

    def overdue(self, *filters: Pair) -> str:
        return self._link("/overdue", *filters)

    def at_risk(self, *filters: Pair) -> str:
        return self._link("/at-risk", *filters)

    def why(self, why: str) -> str:
        return self.at_risk(("why", why))

    def due_in_24h(self, *filters: Pair) -> str:
        # The end of the day ahead belongs to it; `max.` leaves out its own value.
        until = moved(self._instant, timedelta(hours=24, microseconds=1))
        span = ("min.promised_by", instant_text(self._instant)), ("max.promised_by", instant_text(until))
        return self.open_orders(*span, *filters)

    def open_orders(self, *filters: Pair) -> str:
        return self._link("/orders", ("status", "open"), *filters)

    def held_by(self, rep_ids: Iterable[str]) -> str:
        """The open orders of these reps."""
        return self.open_orders(*(("rep_id", rep_id) for rep_id in rep_ids))

    def unassigned(self) -> str:
        return self.open_orders(("rep_id", ""))

    def orders(self) -> str:
        return self._link("/orders", ("sort", "-placed_at"))

    def follow_ups(self, *filters: Pair) -> str:
        return self._link("/follow-ups", *filters)

    def undecided(self) -> str:
        return self._link("/expedites", ("decision", ""))

    def scorecard(self) -> str:
        return self._link("/scorecard", ("sort", "-month"))

    def of_rep(self, need: str, rep_id: str | None) -> str:
        """The rows of a part of a rep's bar; None is nobody."""
        held_by = ("rep_id", rep_id or "")
        if need == OVERDUE:
            return self.overdue(held_by)
        if need in RISKS:
            return self.at_risk(held_by, ("why", need))
        return self.due_in_24h(held_by) if need == DUE_SOON else self.open_orders(held_by)
