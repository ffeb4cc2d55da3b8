"""The page of a rep or an account that these clocks do not know, with what may have been meant."""

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import Request, Response

from infra.web.clocks import Clocks
from infra.web.pages.render import page
from infra.web.security.principal import Principal


class Near(NamedTuple):
    """One whose id is like it; `path` leads to its page."""

    id: str
    name: str | None
    path: str


def missing_page(
    request: Request,
    principal: Principal,
    clocks: Clocks,
    kind: str,
    id: str,
    here: str,
    *,
    known_today: bool,
    nearest: Sequence[Near],
) -> Response:
    """404. `here` is the path of its own page, which has it if it is known today."""
    return page(
        request,
        "person_missing.html",
        principal,
        clocks,
        404,
        kind=kind,
        id=id,
        known_today=known_today,
        here=here,
        nearest=[(one.id, one.name, clocks.link(one.path)) for one in nearest],
    )
