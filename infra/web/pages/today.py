"""Today, the first page: what a desk looks at in the morning."""

from fastapi import APIRouter, Request, Response

from infra.queries.differing import differences
from infra.queries.today import today as numbers_of_today
from infra.queries.views import Asked
from infra.web.clocks import clocks_of
from infra.web.context import web_of
from infra.web.pages.render import page
from infra.web.pages.rows_behind import RowsBehind
from infra.web.pages.trends import SCRIPT
from infra.web.security.guard import Reader
from projections.views.desk_load import DUE_SOON, ON_TRACK, OVERDUE, RISKS

router = APIRouter(include_in_schema=False)

REPS_SHOWN = 12
ORDER = ("order_id",)


@router.get("/")
def today(request: Request, principal: Reader) -> Response:
    """Today: who needs help, what to look at first, and what comes due."""
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
        rows=RowsBehind(clocks, shown.instant),
        reps_shown=REPS_SHOWN,
        segments=SEGMENTS,
        widest=max((rep.open_orders for rep in shown.reps), default=0),
        risks=RISKS,
        script=SCRIPT,
    )


SEGMENTS = (
    (OVERDUE, "late", "overdue"),
    ("estimate_late", "risk", "at risk: estimated too late"),
    ("estimate_passed", "risk shade-2", "at risk: estimate passed"),
    ("no_estimate", "risk shade-3", "at risk: no estimate"),
    ("not_booked", "risk shade-4", "at risk: not booked"),
    (DUE_SOON, "info", "due in 24 hours, no doubt known"),
    (ON_TRACK, "quiet", "on track"),
)
"""The parts of a rep's bar in order: what they need, tone, words."""
