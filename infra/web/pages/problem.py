"""An error as a page, for those who came with a browser."""

from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from infra.queries.views import Asked
from infra.web.clocks import Clocks
from infra.web.context import web_of
from infra.web.pages.render import page, plain_page
from infra.web.pages.sign_in import sign_in_link
from infra.web.problems import Problem, problem_response
from infra.web.security.principal import Principal, Role

API = "/v1/"


def problem_page(request: Request, problem: Problem) -> Response | None:
    """The page of a problem, for a request that takes HTML and is not the API's; else None.

    Who is not signed in is led to the sign-in page, and gets no page with the frame: that tells of the store.
    """
    if not _takes_html(request):
        return None
    if problem.status == HTTPStatus.UNAUTHORIZED and "authorization" not in request.headers:
        return RedirectResponse(sign_in_link(request), HTTPStatus.SEE_OTHER)
    if request.url.path.startswith(API):
        return None
    # A key that was refused is not tried a second time, and after a failure the store is not asked.
    is_plain = problem.status in (401, 429) or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    principal = None if is_plain else _reader(request)
    if principal is None:
        return plain_problem(request, problem)
    title = HTTPStatus(problem.status).phrase
    clocks = Clocks(Asked())
    answer = page(request, "problem.html", principal, clocks, problem.status, title=title, detail=problem.detail)
    answer.headers.update(problem.headers)
    return answer


def plain_problem(request: Request, problem: Problem) -> Response:
    """The same without the frame, and without asking the store: a page for a browser, else problem details."""
    if not _takes_html(request):
        return problem_response(problem)
    title = HTTPStatus(problem.status).phrase
    return plain_page("plain_problem.html", problem.status, problem.headers, title=title, detail=problem.detail)


def _takes_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _reader(request: Request) -> Principal | None:
    """Who asked, if it may read. Where the guard has found out already, the key is not counted a second time."""
    try:
        principal: Principal | None = (
            request.state.principal if hasattr(request.state, "principal") else web_of(request).authenticate(request)
        )
    except Problem:
        return None
    return principal if principal is not None and principal.may(Role.READ) else None
