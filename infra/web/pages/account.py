"""Account: who a customer is, what is open and late of it, and what it is owed to be told."""

from fastapi import APIRouter, Request, Response

from infra.app.nearest import nearest_accounts
from infra.queries.account_desk import account_desk
from infra.queries.differing import differences
from infra.queries.views import Asked
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.links import account_path
from infra.web.pages.missing import Near, missing_page
from infra.web.pages.people_columns import columns_of
from infra.web.pages.render import page
from infra.web.pages.rows_behind import RowsBehind
from infra.web.pages.table_cells import COUNTS
from infra.web.security.guard import Reader
from infra.web.security.principal import Principal

router = APIRouter(include_in_schema=False)

ORDER = ("order_id",)
BOOK = columns_of(
    "accounts",
    *("currency", "orders", "open_orders", "overdue", "on_time_percent", "order_value"),
    *("value_month", "value_month_before", "growth_percent", "last_order_at"),
)
OPEN = columns_of("orders", "order_id", "promised_by", "on_time", "rep_id", "open_value", "placed_at")
RECENT = columns_of("orders", "order_id", "status", "placed_at", "promised_by", "on_time", "order_value")
FOLLOW_UPS = columns_of("follow-ups", "order_id", "say", "hours_owed", "rep_id", "inform")
UNDECIDED = columns_of("expedites", "order_id", "rep_id", "hours_open", "needed_by", "requested_by")


@router.get("/accounts/{account_id:path}")
def account(request: Request, principal: Reader, account_id: str) -> Response:
    """The page of an account; an id may contain slashes."""
    clocks = clocks_of(request)
    views = web_of(request).waybill.views
    desk = account_desk(views, clocks.asked, account_id)
    if not desk.known:
        return _missing(request, principal, clocks, account_id)
    today = desk if clocks.asked.known_at is None else account_desk(views, Asked(desk.instant), account_id)
    return page(
        request,
        "account.html",
        principal,
        clocks,
        desk=desk,
        today=today,
        overdue_differing=differences(ORDER, desk.overdue.rows, today.overdue.rows),
        at_risk_differing=differences(ORDER, desk.at_risk.rows, today.at_risk.rows),
        open_differing=differences(ORDER, desk.open_orders.rows, today.open_orders.rows),
        recent_differing=differences(ORDER, desk.recent, today.recent),
        rows=RowsBehind(clocks, desk.instant, ("account_id", account_id)),
        book=BOOK,
        open_columns=OPEN,
        recent=RECENT,
        follow_ups=FOLLOW_UPS,
        undecided=UNDECIDED,
        counts=COUNTS,
    )


def _missing(request: Request, principal: Principal, clocks: Clocks, account_id: str) -> Response:
    """404, with what may have been meant: the same account by another clock, or one like it."""
    waybill = web_of(request).waybill
    known_today = bool(clocks.query) and account_desk(waybill.views, Asked(), account_id).known
    nearest = [] if known_today else nearest_accounts(account_id, waybill.desk)
    near = [Near(one, None, account_path(one)) for one in nearest]
    here = account_path(account_id)
    return missing_page(request, principal, clocks, "account", account_id, here, known_today=known_today, nearest=near)
