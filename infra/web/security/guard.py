"""Guards of routes: each route names the role that it needs, and no route works without one.

A route takes `Reader`, `Publisher` or `Operator` as a parameter. Only the paths of `infra/web/security/public.py` have
none; tests/web/test_roles.py walks the router and holds that true.
"""

from typing import Annotated

from fastapi import Depends, Request

from infra.web.context import web_of
from infra.web.problems import Problem
from infra.web.security.principal import Principal, Role


class Requires:
    """A dependency of a route: the principal of the request, who has this role. Raises Problem (401, 403)."""

    def __init__(self, role: Role):
        self.role = role

    def __call__(self, request: Request) -> Principal:
        principal = web_of(request).authenticate(request)
        if principal is None:
            raise Problem(401, "this needs a key: send Authorization: Bearer KEY (see waybill keys create)")
        if not principal.may(self.role):
            raise Problem(403, f"this needs a key with the role {self.role.value}; {principal.name}'s has not")
        return principal


Reader = Annotated[Principal, Depends(Requires(Role.READ))]
Publisher = Annotated[Principal, Depends(Requires(Role.PUBLISH))]
Operator = Annotated[Principal, Depends(Requires(Role.OPERATE))]
