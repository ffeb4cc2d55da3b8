"""What the routes stand on: the service, the clock, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from infra.app.container import Waybill
from infra.web.security.csrf import CsrfTokens
from infra.web.security.hosts import Hosts
from infra.web.security.principal import Principal
from infra.web.security.security import Security


@dataclass(frozen=True)
class Web:
    """`authenticate` gives the principal of a request, None for nobody. `security` is None where nobody signs in."""

    waybill: Waybill
    authenticate: Callable[[Request], Principal | None]
    security: Security | None = None
    csrf: CsrfTokens = field(default_factory=CsrfTokens)
    hosts: Hosts = field(default_factory=Hosts)

    @classmethod
    def secured(cls, waybill: Waybill, security: Security) -> "Web":
        """The web behind keys, sessions and their tokens."""
        return cls(waybill, security.authenticate, security, security.csrf, security.hosts)


def web_of(request: Request) -> Web:
    """What the app of this request stands on."""
    web = request.app.state.web
    assert isinstance(web, Web)
    return web
