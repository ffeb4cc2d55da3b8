"""The search box: it goes to the order, rep or account that is meant, or shows what it may be."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from infra.app.search import What
from infra.app.search import search as find
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.links import account_path, order_path, rep_path
from infra.web.pages.render import page
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)

PATHS: Mapping[What, Callable[[str], str]] = {What.ORDER: order_path, What.REP: rep_path, What.ACCOUNT: account_path}


@router.get("/search")
def search(request: Request, principal: Reader, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Go to the page of the one that is meant for certain; else a page with what was found (404: nothing)."""
    clocks, wanted = clocks_of(request), q.strip()
    found = find(web_of(request).waybill, wanted)
    if found.certain is not None:
        return RedirectResponse(_link(clocks, found.certain.what, found.certain.id), 303)
    return page(
        request,
        "search.html",
        principal,
        clocks,
        404 if wanted and not found.hits else 200,
        wanted=wanted,
        found=found,
        hits=[(hit, _link(clocks, hit.what, hit.id)) for hit in found.hits],
    )


def _link(clocks: Clocks, what: What, id: str) -> str:
    if what is What.PARCEL:
        return clocks.link("/unmatched-parcels", tracking_number=id)
    return clocks.link(PATHS[what](id))
