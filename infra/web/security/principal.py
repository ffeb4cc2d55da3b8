"""Who asks or acts over HTTP: a name and what it may do."""

from collections.abc import Set
from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a key allows."""

    PUBLISH = "publish"
    """Publish messages, and ask for their verdicts."""
    READ = "read"
    """Ask everything: views, orders, messages, status, metrics, and the pages."""
    OPERATE = "operate"
    """What an engineer on call does: redrive and discard dead letters, pause, rebuild. Includes `read`."""


class Principal(NamedTuple):
    """The holder of a key, or, on loopback without keys, the login that runs the server, who may do everything.

    `source` is the only CloudEvents source of which it may publish messages; None: of any.
    """

    name: str
    roles: Set[Role]
    source: str | None = None
    key_id: str | None = None

    def may(self, role: Role) -> bool:
        return role in self.roles or (role is Role.READ and Role.OPERATE in self.roles)
