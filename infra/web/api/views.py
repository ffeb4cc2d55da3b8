"""Views over HTTP: GET /v1/views lists them, GET /v1/views/{view} queries one.

Parameters are those of infra/queries/view_pages.py. JSON is a page; CSV and Parquet are the whole answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from domain.nearest import near
from infra.queries.view_pages import PAGE
from infra.queries.views import Asked
from infra.web.api.answers import JSON, accepted, json_answer, reflecting
from infra.web.api.describing import VIEW_LIST, json_of, problems, view_operation
from infra.web.context import web_of
from infra.web.parameters import Parameters, wrong
from infra.web.problems import Problem
from infra.web.security.guard import Reader
from infra.web.view_files import MEDIA_TYPES, file_answer
from projections.views.catalogue import VIEWS, View, view_named
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view, workload_view

router = APIRouter(prefix="/v1/views", tags=["views"])

MOST_ROWS = 10_000
MOST_POSITION = 2**62
SECONDS_TO_WAIT, MOST_SECONDS_TO_WAIT = 10, 60


@router.get("", summary="The views", response_class=Response, responses={200: json_of(VIEW_LIST), **problems(400)})
def list_views(request: Request, principal: Reader) -> Response:
    """Every view with its columns, their types and what they mean."""
    Parameters(request).expect_no_more(())
    return json_answer([described(view) for view in VIEWS])


def described(view: View) -> dict[str, object]:
    """What the list says of a view."""
    return {
        "view": view.command,
        "relation": view.relation,
        "description": view.description,
        "url": f"/v1/views/{view.command}",
        "columns": [
            {"name": column.name, "type": column.type.name.lower(), "meaning": column.doc, "key": column.key}
            for column in view.described.values()
        ],
    }


@dataclass(frozen=True)
class Query:
    """What a request asks of a view."""

    view: View
    media_type: str
    asked: Asked
    filters: Mapping[str, Sequence[str]]
    sort: str
    limit: int | None
    cursor: str | None
    counted: bool
    for_spreadsheets: bool
    position: int | None
    """What the view has to reflect, and how long to wait for it."""
    patience: timedelta


async def query(request: Request, view: View) -> Response:
    """The rows of the view that the request asks for, in the format that it takes."""
    wanted = _query_of(request, view)
    if wanted.position is not None:
        waits = web_of(request).position_waits
        await waits.until_reflected(request, wanted.view, wanted.position, wanted.patience)
    return await run_in_threadpool(_answer, request, wanted)


def _query_of(request: Request, view: View) -> Query:
    """Raises Problem (400, 406)."""
    given = Parameters(request)
    media_type = accepted(request, MEDIA_TYPES)
    asked = Asked(given.instant("as_of"), given.instant("known_at"))
    sort, limit = given.text("sort") or "", given.whole("limit", 1, MOST_ROWS)
    cursor, counted = given.text("cursor"), given.flag("total")
    for_spreadsheets = given.flag("for_spreadsheets")
    view = _variant(view, given)
    position = given.whole("min_position", 0, MOST_POSITION)
    patience = given.whole("wait", 0, MOST_SECONDS_TO_WAIT)
    if media_type != JSON and (cursor or counted):
        name = "cursor" if cursor else "total"
        raise wrong(name, "is for JSON alone: another format has the whole answer")
    if media_type != MEDIA_TYPES[1] and for_spreadsheets:
        raise wrong("for_spreadsheets", "is for CSV: send Accept: text/csv")
    seconds = timedelta(seconds=SECONDS_TO_WAIT if patience is None else patience)
    return Query(view, media_type, asked, given.rest, sort, limit, cursor, counted, for_spreadsheets, position, seconds)


def _answer(request: Request, wanted: Query) -> Response:
    pages, view, filters, sort = web_of(request).waybill.view_pages, wanted.view, wanted.filters, wanted.sort
    if wanted.media_type != JSON:
        with pages.stream(view, wanted.asked, filters, sort=sort, limit=wanted.limit) as answer:
            return file_answer(answer, view.command, wanted.media_type, for_spreadsheets=wanted.for_spreadsheets)
    limit = wanted.limit or PAGE
    page = pages.page(view, wanted.asked, filters, sort=sort, limit=limit, cursor=wanted.cursor, counted=wanted.counted)
    document = {
        "view": view.command,
        "as_of": page.instant,
        "known_at": wanted.asked.known_at,
        "position": page.position,
        "rows": page.rows,
        "next": page.next,
        **({"total": page.total} if wanted.counted else {}),
    }
    headers = reflecting(page.position, page.instant)
    if page.next is not None:
        repeated = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        following = urlencode([*repeated, ("cursor", page.next)])
        headers["Link"] = f'<{request.url.path}?{following}>; rel="next"'
    return json_answer(document, headers)


def _variant(view: View, given: Parameters) -> View:
    """The view with the options that scorecards and the workload have."""
    if view.command == "scorecard":
        by = given.choice("by", Grouping)
        return scorecard_view(None if by is None else Grouping(by), contacts=given.flag("contacts"))
    return workload_view(contacts=given.flag("contacts")) if view.command == "workload" else view


def _route(view: View) -> Callable[[Request, Reader], Awaitable[Response]]:
    async def ask(request: Request, principal: Reader) -> Response:
        return await query(request, view)

    return ask


def _add_routes(views: Sequence[View]) -> None:
    for view in views:
        for name in dict.fromkeys((view.command, view.relation, view.relation.replace("_", "-"))):
            operation = view_operation(view, MEDIA_TYPES)
            router.add_api_route(
                f"/{name}",
                _route(view),
                methods=["GET"],
                summary=view.description,
                operation_id=f"view_{view.relation}",
                response_class=Response,
                responses=operation.responses,
                openapi_extra={"parameters": operation.parameters},
                include_in_schema=name == view.command,
            )


_add_routes(VIEWS)


@router.get("/{name}", include_in_schema=False)
def unknown_view(name: str, principal: Reader) -> Response:
    """No view has this name."""
    known = [view.command for view in VIEWS]
    nearest = near(name, [*known, *(view.relation for view in VIEWS)], 1)
    hint = f"did you mean {view_named(nearest[0]).command}?" if nearest else f"there are {', '.join(known)}"
    raise Problem(404, f"there is no view {name!r}; {hint}")
