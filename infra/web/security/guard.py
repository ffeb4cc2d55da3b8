"""Guards of routes: each route names the role that it needs, and no route works without one.

A route takes `Reader`, `Publisher`, `Operator` or `Anyone` as a parameter. Only the paths of
`infra/web/security/public.py` have none; tests/web/test_roles.py walks the router and holds that true.
"""

from typing import Annotated

from fastapi import Depends, Request

from infra.web.context import web_of
from infra.web.problems import Problem
from infra.web.security.csrf import check_token
from infra.web.security.principal import Principal, Role


async def authenticated(request: Request) -> Principal:
    """The principal of a request, however many readers are being answered. Raises Problem (401)."""
    web = web_of(request)
    principal = await web.guards.run(web.authenticate, request)
    request.state.principal = principal
    if principal is None:
        raise Problem(401, "this needs a key: send Authorization: Bearer KEY (see waybill keys create)")
    return principal


class Requires:
    """A dependency of a route: the principal of the request, who has one of these roles. Raises Problem (401, 403).

    An unsafe request of a browser also needs its CSRF token.
    """

    def __init__(self, *roles: Role):
        self.roles = roles

    async def __call__(self, request: Request, principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        if not any(principal.may(role) for role in self.roles):
            names = " or ".join(role.value for role in self.roles)
            raise Problem(403, f"this needs a key with the role {names}; {principal.name}'s has not")
        await check_token(request, principal, web_of(request).csrf)
        return principal


Reader = Annotated[Principal, Depends(Requires(Role.READ))]
Publisher = Annotated[Principal, Depends(Requires(Role.PUBLISH))]
PublisherOrReader = Annotated[Principal, Depends(Requires(Role.PUBLISH, Role.READ))]
Operator = Annotated[Principal, Depends(Requires(Role.OPERATE))]
Anyone = Annotated[Principal, Depends(Requires(*Role))]
