"""Rebuild and diff of a projection, and the progress of rebuilds as it is made."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from time import monotonic

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from infra.app.diff import SAMPLES, ShapeFailsError, UnknownViewError, diff_projections, projections_named
from infra.app.rebuild.standing import RebuildStanding
from infra.row_changes import sample_rows
from infra.store.failures import reason_of
from infra.store.operator_log import Who
from infra.store.retries import store_failures
from infra.web.clocks import clocks_of
from infra.web.context import web_of
from infra.web.forms import Fields, text_of
from infra.web.pages.links import part_path
from infra.web.pages.operations import part_page
from infra.web.pages.rebuild_words import SECONDS_OF_STILLNESS, ShownRebuild, of_run, of_standing
from infra.web.pages.render import page
from infra.web.problems import Problem
from infra.web.rebuilding import BusyError, Rebuilds
from infra.web.security.guard import Operator, Reader
from infra.web.server_sent_events import COMMENT, SECONDS_BETWEEN_COMMENTS, event_stream, event_text, goes_on
from projections.projection import Projection

router = APIRouter(include_in_schema=False)

SECONDS_BETWEEN_EVENTS = 0.3
LOOKS_AT_THE_STORE = 5
"""Every so many events the store is asked what other processes rebuild."""
MOST_SAMPLES = 200


@router.post("/operations/parts/{part}/rebuild")
def rebuild(request: Request, principal: Operator, part: str, fields: Fields) -> Response:
    """Begin to rebuild a projection, or continue what was cut off; `anew` begins from the start."""
    who, anew = Who(principal.name, text_of(fields, "reason")), bool(text_of(fields, "anew"))
    projection = _projection(part)
    try:
        web_of(request).rebuilds.begin([projection], who, anew=anew)
    except BusyError as e:
        return part_page(request, principal, projection.name, f"{e}.", HTTPStatus.CONFLICT)
    return RedirectResponse(part_path(projection.name), HTTPStatus.SEE_OTHER)


@router.get("/operations/parts/{part}/diff")
def diff(
    request: Request, principal: Reader, part: str, samples: int = Query(SAMPLES, ge=0, le=MOST_SAMPLES)
) -> Response:
    """Which rows a rebuild would change. It settles every subject again, so it takes about as long as a rebuild.

    One at a time: several would leave little for everybody else.
    """
    projection, problem = _projection(part), ""
    one_diff = web_of(request).one_diff
    if not one_diff.acquire(blocking=False):
        raise Problem(503, "another diff is being made; ask again when it is done", headers={"Retry-After": "10"})
    try:
        found = diff_projections(web_of(request).waybill, [projection], samples=samples)
    except ShapeFailsError as e:
        found, problem = [], f"{e}. A rebuild would stop there."
    finally:
        one_diff.release()
    return page(
        request,
        "diff.html",
        principal,
        clocks_of(request),
        part=projection.name,
        found=found,
        problem=problem,
        differs=any(each.differs for each in found),
        samples=[
            row
            for each in found
            for change in each.samples
            for row in sample_rows("table", each.table, change, "now", "rebuilt")
        ],
        shown=samples,
        most=MOST_SAMPLES,
    )


def _projection(part: str) -> Projection:
    try:
        (projection,) = projections_named(part)
    except UnknownViewError as e:
        raise Problem(404, str(e)) from None
    except ValueError:
        raise Problem(404, f"{part} is a view of several projections; name one of them") from None
    return projection


@router.get("/operations/rebuilds")
async def progress(request: Request, principal: Reader) -> Response:
    """Server-sent events: every rebuild that runs or was begun, as ShownRebuild; one whenever anything changes."""
    return event_stream(_told(request, web_of(request).rebuilds))


async def _told(request: Request, rebuilds: Rebuilds) -> AsyncIterator[str]:
    movements, before, number, said = _Movements(), "", 0, monotonic()
    standings: list[RebuildStanding] = []
    while True:
        if number % LOOKS_AT_THE_STORE == 0:
            try:
                standings = await run_in_threadpool(rebuilds.standings)
            except store_failures() as e:  # the browser connects again
                structlog.get_logger(__name__).warning("progress_not_read", reason=reason_of(e))
                return
            movements.see(standings)
        last = rebuilds.last
        running = set(last.projections) if last is not None and last.is_running else set()
        shown = ([] if last is None else [of_run(last)]) + [
            movements.shown(one) for one in standings if one.name not in running
        ]
        text = event_text({"rebuilds": shown})
        silent = monotonic() - said >= SECONDS_BETWEEN_COMMENTS
        if text != before or silent:
            yield text if text != before else COMMENT
            said = monotonic()
        before, number = text, number + 1
        if not await goes_on(request, SECONDS_BETWEEN_EVENTS):
            return


class _Movements:
    """What was seen done of each rebuild since the first look, for its rate."""

    def __init__(self) -> None:
        self._first: dict[tuple[object, ...], tuple[int, float]] = {}
        self._moved: dict[tuple[object, ...], tuple[int, float]] = {}

    def see(self, standings: list[RebuildStanding]) -> None:
        now = monotonic()
        for one in standings:
            key, done = (one.name, one.version, one.begun_at, one.part), one.done or 0
            self._first.setdefault(key, (done, now))
            if self._moved.get(key, (-1, now))[0] != done:
                self._moved[key] = (done, now)

    def shown(self, one: RebuildStanding) -> ShownRebuild:
        key = (one.name, one.version, one.begun_at, one.part)
        (first, began), (_, moved) = self._first[key], self._moved[key]
        now = monotonic()
        if moved == began or now - moved >= SECONDS_OF_STILLNESS:
            return of_standing(one, 0, now - moved)
        return of_standing(one, (one.done or 0) - first, moved - began)
