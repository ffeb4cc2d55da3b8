"""Rep: a desk at a glance, and the month so far, which is loaded after the page."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from consumers.contract.writing import instant_text
from infra.app.nearest import nearest_reps
from infra.queries.differing import differences
from infra.queries.rep_desk import RepDesk, rep_desk
from infra.queries.rep_month import rep_month
from infra.queries.views import Asked
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.links import rep_path
from infra.web.pages.missing import Near, missing_page
from infra.web.pages.people_columns import columns_of
from infra.web.pages.render import page, part
from infra.web.pages.rows_behind import RowsBehind
from infra.web.pages.table_cells import COUNTS
from infra.web.parameters import Parameters, wrong
from infra.web.security.guard import Reader
from infra.web.security.principal import Principal

router = APIRouter(include_in_schema=False)

ORDER = ("order_id",)
STAGES = (("to_book", "unbooked"), ("booked", "quiet"), ("in_transit", "info"), ("partly_delivered", "partly"))
FOLLOW_UPS = columns_of("follow-ups", "order_id", "account_id", "say", "hours_owed", "inform")
UNDECIDED = columns_of("expedites", "order_id", "account_id", "hours_open", "needed_by", "requested_by")


@router.get("/reps/{rep_id:path}")
def rep(request: Request, principal: Reader, rep_id: str) -> Response:
    """The page of a rep; an id may contain slashes."""
    clocks = clocks_of(request)
    views = web_of(request).waybill.views
    desk = rep_desk(views, clocks.asked, rep_id)
    if not desk.known:
        return _missing(request, principal, clocks, rep_id)
    today = desk if clocks.asked.known_at is None else rep_desk(views, Asked(desk.instant), rep_id)
    return page(
        request,
        "rep.html",
        principal,
        clocks,
        desk=desk,
        today=today,
        overdue_differing=differences(ORDER, desk.overdue, today.overdue),
        at_risk_differing=differences(ORDER, desk.at_risk, today.at_risk),
        rows=RowsBehind(clocks, desk.instant, ("rep_id", rep_id)),
        month=clocks.link("/scorecard/month", rep_id=rep_id),
        stages=_stages(desk),
        follow_ups=FOLLOW_UPS,
        undecided=UNDECIDED,
        counts=COUNTS,
    )


def _stages(desk: RepDesk) -> Sequence[tuple[str, str, int]]:
    return [(stage, tone, desk.load.stages[stage]) for stage, tone in STAGES if desk.load.stages.get(stage)]


def _missing(request: Request, principal: Principal, clocks: Clocks, rep_id: str) -> Response:
    """404, with what may have been meant: the same rep by another clock, or one like it."""
    waybill = web_of(request).waybill
    known_today = bool(clocks.query) and rep_desk(waybill.views, Asked(), rep_id).known
    nearest = [] if known_today else nearest_reps(rep_id, waybill.desk.reps())
    near = [Near(one.rep_id, one.name, rep_path(one.rep_id)) for one in nearest]
    here = rep_path(rep_id)
    return missing_page(request, principal, clocks, "rep", rep_id, here, known_today=known_today, nearest=near)


@router.get("/scorecard/month")
def month(request: Request, principal: Reader) -> Response:
    """The month of T on the scorecard of the rep `rep_id`: a part of the page. Raises Problem (400)."""
    clocks, web = clocks_of(request), web_of(request)
    rep_id = Parameters(request).text("rep_id")
    if rep_id is None:
        raise wrong("rep_id", "is missing; give the id of a rep, such as rep-7")
    key: tuple[Any, ...] = ("rep_month", rep_id, *(instant_text(one) if one else "" for one in _clocks(clocks)))
    cards = web.kept(key, lambda: rep_month(web.waybill.views, clocks.asked, rep_id))
    return part("rep_month.html", clocks, cards=cards, rep_id=rep_id)


def _clocks(clocks: Clocks) -> tuple[Any, Any]:
    return clocks.asked.as_of, clocks.asked.known_at
