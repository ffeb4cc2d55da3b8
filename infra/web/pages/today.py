"""Today, the first page: what a desk looks at in the morning."""

from fastapi import APIRouter, Request, Response

from infra.web.clocks import clocks_of
from infra.web.pages.render import page
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)


@router.get("/")
def today(request: Request, principal: Reader) -> Response:
    return page(request, "today.html", principal, clocks_of(request))
