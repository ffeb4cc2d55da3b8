"""An error as a page, for those who came with a browser."""

from http import HTTPStatus

from fastapi import Request, Response

from infra.queries.views import Asked
from infra.web.clocks import Clocks
from infra.web.pages.render import page
from infra.web.problems import Problem

API = "/v1/"


def problem_page(request: Request, problem: Problem) -> Response | None:
    """The page of a problem, for a request that takes HTML and is not the API's; else None.

    Whoever is not signed in gets no page: its frame tells of the store.
    """
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return None
    if request.url.path.startswith(API) or "text/html" not in request.headers.get("accept", ""):
        return None
    title = HTTPStatus(problem.status).phrase
    answer = page(request, "problem.html", None, Clocks(Asked()), problem.status, title=title, detail=problem.detail)
    answer.headers.update(problem.headers)
    return answer
