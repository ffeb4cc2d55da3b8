"""Who asks or acts over HTTP: a name and what it may do."""

from collections.abc import Set
from typing import NamedTuple

from infra.store.keys import Role as Role


class Principal(NamedTuple):
    """The holder of a key, or, on loopback without keys, the login that runs the server, who may do everything.

    `source` is the only CloudEvents source of which it may publish messages; None: of any. `session` is the id of the
    browser's session, or `loopback`: a browser may send such a request without its user's will, so that an unsafe one
    needs a CSRF token. None: a program, which sends its key with each request.
    """

    name: str
    roles: Set[Role]
    source: str | None = None
    key_id: str | None = None
    session: str | None = None

    def may(self, role: Role) -> bool:
        return role in self.roles or (role is Role.READ and Role.OPERATE in self.roles)

    def may_publish(self, source: str) -> bool:
        """Whether it may publish a message of this CloudEvents source."""
        return self.may(Role.PUBLISH) and self.source in (None, source)
