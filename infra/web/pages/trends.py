"""The last days as charts: a page of its own, and a part of Today that is loaded after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from infra.app.container import Waybill
from infra.queries.trend import desk_trends
from infra.queries.views import Asked
from infra.web.clocks import clocks_of
from infra.web.context import web_of
from infra.web.pages.charts import on_time_chart, overdue_chart
from infra.web.pages.drawing_script import drawing_script
from infra.web.pages.render import page, part
from infra.web.security.guard import Reader
from projections.views.trend import Instants

router = APIRouter(include_in_schema=False)

DAY = timedelta(days=1)
SCRIPT = f"/charts/vega-{version('vl-convert-python')}.js"
"""The name changes with the library, so browsers may keep it for ever."""

Days = Annotated[int, Query(ge=2, le=366)]


@dataclass(frozen=True)
class Trends:
    """What the charts show, and how many of those completed were on time."""

    overdue: Sequence[Mapping[str, Any]]
    """as_of, orders, and with known_at today: as known today."""
    on_time: Sequence[Mapping[str, Any]]
    compared: bool

    @property
    def completed(self) -> int:
        return sum(row["on_time"] + row["late"] for row in self.on_time)

    @property
    def share(self) -> float | None:
        """Percent on time of those completed; None if there are none."""
        done = self.completed
        return 100 * sum(row["on_time"] for row in self.on_time) / done if done else None

    @property
    def overdue_spec(self) -> Mapping[str, Any]:
        return overdue_chart(self.overdue, compared=self.compared)

    @property
    def on_time_spec(self) -> Mapping[str, Any]:
        return on_time_chart(self.on_time)


def trends_of(waybill: Waybill, asked: Asked, days: int) -> Trends:
    """The trends of so many days up to `as_of`, at its time of the day; of fewer where the calendar begins."""
    until = asked.as_of or waybill.clock()
    days = min(days, (until - datetime.min.replace(tzinfo=UTC)) // DAY)
    instants = Instants(until - days * DAY, DAY, days + 1)
    overdue, on_time = desk_trends(waybill.views, instants, asked.known_at)
    if asked.known_at is None:
        return Trends(overdue.rows, on_time.rows, compared=False)
    today, _ = desk_trends(waybill.views, instants)
    rows = [{**then, "today": now["orders"]} for then, now in zip(overdue.rows, today.rows, strict=True)]
    return Trends(rows, on_time.rows, compared=True)


@router.get("/trends")
def trends(request: Request, principal: Reader, days: Days = 30) -> Response:
    """The page."""
    clocks = clocks_of(request)
    found = _recent(request, clocks.asked, days)
    return page(request, "trends.html", principal, clocks, trends=found, days=days, script=SCRIPT)


@router.get("/trends/part")
def trends_part(request: Request, principal: Reader, days: Days = 30) -> Response:
    """The charts alone, which Today loads once it is shown."""
    clocks = clocks_of(request)
    found = _recent(request, clocks.asked, days)
    return part("trend_charts.html", clocks, trends=found, days=days, script=SCRIPT)


@router.get(SCRIPT)
def script(request: Request, principal: Reader) -> Response:
    """What draws the charts, for a year in the browser's own store."""
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    made = drawing_script()
    return Response(made.zipped if zipped else made.plain, headers=headers, media_type="text/javascript")


def _recent(request: Request, asked: Asked, days: int) -> Trends:
    """The trends, counted anew at most once in SECONDS_KEPT: they read all periods of the orders."""
    web = web_of(request)
    return web.kept(("trends", asked, days), lambda: trends_of(web.waybill, asked, days))
