"""What the routes stand on: the service, the clock, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from infra.app.container import Waybill
from infra.web.security.principal import Principal


@dataclass(frozen=True)
class Web:
    """`authenticate` gives the principal of a request, None for nobody."""

    waybill: Waybill
    authenticate: Callable[[Request], Principal | None]


def web_of(request: Request) -> Web:
    """What the app of this request stands on."""
    web = request.app.state.web
    assert isinstance(web, Web)
    return web
