"""Today, the first page: what a desk looks at in the morning."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from consumers.contract.writing import instant_text
from infra.queries.differing import differences
from infra.queries.today import today as numbers_of_today
from infra.queries.views import Asked
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.render import page
from infra.web.pages.trends import SCRIPT
from infra.web.security.guard import Reader
from projections.views.desk_load import DUE_SOON, ON_TRACK, OVERDUE, RISKS

router = APIRouter(include_in_schema=False)

REPS_SHOWN = 12
ORDER = ("order_id",)


@router.get("/")
def today(request: Request, principal: Reader) -> Response:
    clocks = clocks_of(request)
    views = web_of(request).waybill.views
    shown = numbers_of_today(views, clocks.asked)
    known_today = None if clocks.asked.known_at is None else numbers_of_today(views, Asked(shown.instant))
    compared = known_today or shown
    return page(
        request,
        "today.html",
        principal,
        clocks,
        today=shown,
        known_today=known_today,
        worst_differing=differences(ORDER, shown.worst, compared.worst),
        nearest_differing=differences(ORDER, shown.nearest, compared.nearest),
        rows=Rows(clocks, shown.instant),
        reps_shown=REPS_SHOWN,
        segments=SEGMENTS,
        widest=max((rep.open_orders for rep in shown.reps), default=0),
        risks=RISKS,
        script=SCRIPT,
    )


class Rows:
    """Links to the rows behind a number of Today."""

    def __init__(self, clocks: Clocks, instant: datetime):
        self._clocks, self._instant = clocks, instant

    def _link(self, path: str, *filters: tuple[str, str]) -> str:
        query = "&".join(part for part in (urlencode(filters), self._clocks.query) if part)
        return f"{path}?{query}" if query else path

    def overdue(self, *filters: tuple[str, str]) -> str:
        return self._link("/overdue", *filters)

    def at_risk(self, *filters: tuple[str, str]) -> str:
        return self._link("/at-risk", *filters)

    def why(self, why: str) -> str:
        return self.at_risk(("why", why))

    def due_in_24h(self, *filters: tuple[str, str]) -> str:
        # The end of the day ahead belongs to it; `max.` leaves out its own value.
        until = self._instant + timedelta(hours=24, microseconds=1)
        span = ("min.promised_by", instant_text(self._instant)), ("max.promised_by", instant_text(until))
        return self.open_orders(*span, *filters)

    def follow_ups(self, *filters: tuple[str, str]) -> str:
        return self._link("/follow-ups", *filters)

    def open_orders(self, *filters: tuple[str, str]) -> str:
        return self._link("/orders", ("status", "open"), *filters)

    def unassigned(self) -> str:
        return self.open_orders(("rep_id", ""))

    def of_rep(self, need: str, rep_id: str | None) -> str:
        """The rows of a part of a rep's bar."""
        held_by = ("rep_id", rep_id or "")
        if need == OVERDUE:
            return self.overdue(held_by)
        if need in RISKS:
            return self.at_risk(held_by, ("why", need))
        return self.due_in_24h(held_by) if need == DUE_SOON else self.open_orders(held_by)


SEGMENTS = (
    (OVERDUE, "late", "overdue"),
    ("estimate_late", "risk", "at risk: estimated too late"),
    ("estimate_passed", "risk", "at risk: estimate passed"),
    ("no_estimate", "risk", "at risk: no estimate"),
    ("not_booked", "risk", "at risk: not booked"),
    (DUE_SOON, "info", "due in 24 hours, no doubt known"),
    (ON_TRACK, "quiet", "on track"),
)
"""The parts of a rep's bar in order: what they need, tone, words."""
