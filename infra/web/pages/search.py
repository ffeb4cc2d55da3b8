"""The search box: it goes to the order, rep or account of an id."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.account.kind import ACCOUNT
from domain.order.kind import ORDER
from domain.rep.kind import REP
from domain.streams import stream_name
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.links import account_path, order_path, rep_path
from infra.web.pages.render import page
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)

SEARCHED = ((ORDER, order_path), (REP, rep_path), (ACCOUNT, account_path))
"""What an id may be of, in the order in which they are tried."""


@router.get("/search")
def search(request: Request, principal: Reader, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Go to the page of the order, rep or account with this id, as typed or else in capitals or small letters."""
    clocks, wanted = clocks_of(request), q.strip()
    found = _found(request, clocks, wanted) if wanted else None
    if found is not None:
        return RedirectResponse(found, 303)
    return page(request, "search.html", principal, clocks, 404 if wanted else 200, wanted=wanted)


def _found(request: Request, clocks: Clocks, wanted: str) -> str | None:
    spellings = list(dict.fromkeys((wanted, wanted.upper(), wanted.lower())))
    streams = {(kind, id): stream_name(kind, id) for id in spellings for kind, _ in SEARCHED}
    existing = web_of(request).waybill.history.existing(streams.values())
    for id in spellings:
        for kind, path in SEARCHED:
            if streams[kind, id] in existing:
                return clocks.link(path(id))
    return None
