"""Problem details (RFC 9457): how every error of the HTTP API is told."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from domain.pruning import PrunedStreamError
from infra.queries.view_filters import WrongQueryError
from infra.queries.views import NotYetReflectedError
from infra.serialization import json_text
from infra.store.failures import failure_of, reason_of
from infra.store.projected.serving import NotFilledError
from infra.store.projected.unreadable import UnreadableRowError
from infra.store.pruned import PrunedOrdersError
from infra.store.pruned_commands import brought_back_by
from infra.store.retries import passes, store_failures
from infra.web.security.headers import secure

SECONDS_TO_RETRY = "1"
PROBLEM_JSON = "application/problem+json"
FAILED = "the server failed; its log says why"


class Problem(Exception):
    """An error to answer with. `detail` names the field and the fix; `members` are further members of the document."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def problem_response(problem: Problem) -> Response:
    """The document of a problem, as application/problem+json."""
    title = HTTPStatus(problem.status).phrase
    document = {"title": title, "status": problem.status, "detail": problem.detail, **problem.members}
    headers = problem.headers
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": "Bearer", **headers}
    return Response(json_text(document), problem.status, headers, PROBLEM_JSON)


def store_problem(error: BaseException) -> Problem:
    """The same request may succeed a little later."""
    failure = failure_of(error)
    why = "it cannot be reached now" if failure is None else failure.value
    return Problem(503, f"the store does not answer: {why}", headers={"Retry-After": "5"})


def query_problem(error: Exception) -> Problem:
    """The problem of a query that failed: it is wrong (400), cannot be answered yet (503), or meets a bad row (500)."""
    if isinstance(error, WrongQueryError):
        return Problem(400, str(error), parameter=error.parameter)
    if isinstance(error, UnreadableRowError):
        return Problem(500, str(error))
    return Problem(503, str(error), headers={"Retry-After": SECONDS_TO_RETRY})


def tell_problems(app: FastAPI, as_page: Callable[[Request, Problem], Response | None]) -> None:
    """Answer every error of this app: with what `as_page` makes for a browser, else with problem details."""

    def answer(request: Request, problem: Problem) -> Response:
        return as_page(request, problem) or problem_response(problem)

    @app.exception_handler(Problem)
    def told(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return answer(request, Problem(error.status_code, str(error.detail), headers=error.headers))

    def not_answered(request: Request, error: Exception) -> Response:
        return answer(request, query_problem(error))

    @app.exception_handler(PrunedOrdersError)
    def pruned(request: Request, error: PrunedOrdersError) -> Response:
        return answer(request, Problem(410, str(error)))

    @app.exception_handler(PrunedStreamError)
    def order_pruned(request: Request, error: PrunedStreamError) -> Response:
        return answer(request, Problem(410, brought_back_by(error)))

    for failure in (WrongQueryError, NotFilledError, NotYetReflectedError, UnreadableRowError):
        app.add_exception_handler(failure, not_answered)

    @app.exception_handler(RequestValidationError)
    def wrong(request: Request, error: RequestValidationError) -> Response:
        faults = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return answer(request, Problem(400, "; ".join(faults)))

    def store_failed(request: Request, error: Exception) -> Response:
        structlog.get_logger(__name__).error("request_failed", reason=reason_of(error))
        if passes(error):
            return answer(request, store_problem(error))
        return answer(request, Problem(500, FAILED))

    for store_failure in store_failures():
        app.add_exception_handler(store_failure, store_failed)

    @app.exception_handler(ClientDisconnect)
    def left(request: Request, error: Exception) -> Response:
        """Nobody is there to read the answer, and nothing failed here."""
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> Response:
        structlog.get_logger(__name__).error("request_failed", reason=repr(error), exc_info=error)
        response = answer(request, Problem(500, FAILED))
        secure(response.headers, request.url.path)  # it goes out beside the middleware
        return response
