"""What the routes stand on: the service, the clock, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock

from fastapi import Request

from consumers.ingest.group_commit import GroupCommit
from infra.app.container import Waybill
from infra.signals.endpoints import Endpoints
from infra.web.kept import Kept
from infra.web.position_waits import PositionWaits
from infra.web.projecting import BriefProjecting
from infra.web.rebuilding import Rebuilds
from infra.web.security.csrf import CsrfTokens
from infra.web.security.hosts import Hosts
from infra.web.security.principal import Principal
from infra.web.security.security import Security
from infra.web.threads import ReservedThreads

GUARDS, POSTS = 4, 2
"""How many threads are reserved for each; see infra/web/threads.py."""


@dataclass(frozen=True)
class Web:
    """`authenticate` gives the principal of a request, None for nobody. `security` is None where nobody signs in.

    `intake` stores what is published: submit messages to it, and it answers after the commit. `endpoints` answer
    /metrics, /healthz and /readyz. `rebuilds` are those that operators begin on pages; close them before the service.
    `guards` are the threads that find out who asks, and answer monitoring; `posts` those that read large posts: readers
    never hold them. `position_waits` are the requests that wait for a view.
    An act calls `project_briefly` when it is stored. A diff holds `one_diff`.
    """

    waybill: Waybill
    authenticate: Callable[[Request], Principal | None]
    intake: GroupCommit
    endpoints: Endpoints
    security: Security | None = None
    csrf: CsrfTokens = field(default_factory=CsrfTokens)
    hosts: Hosts = field(default_factory=Hosts)
    kept: Kept = field(default_factory=Kept)
    one_diff: Lock = field(default_factory=Lock)
    project_briefly: BriefProjecting = field(init=False)
    guards: ReservedThreads = field(default_factory=lambda: ReservedThreads(GUARDS))
    posts: ReservedThreads = field(default_factory=lambda: ReservedThreads(POSTS))
    rebuilds: Rebuilds = field(init=False)
    position_waits: PositionWaits = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "project_briefly", BriefProjecting(self.waybill))
        object.__setattr__(self, "rebuilds", Rebuilds(self.waybill, self.project_briefly))
        object.__setattr__(self, "position_waits", PositionWaits(self.waybill.views))

    @classmethod
    def secured(cls, waybill: Waybill, security: Security, intake: GroupCommit, endpoints: Endpoints) -> "Web":
        """The web behind keys, sessions and their tokens."""
        return cls(waybill, security.authenticate, intake, endpoints, security, security.csrf, security.hosts)

    def still_holds(self, request: Request) -> bool:
        """Whether the key or session of a request that is being answered still works: for answers without end."""
        return self.security is None or self.security.holds(request)


def web_of(request: Request) -> Web:
    """What the app of this request stands on."""
    web = request.app.state.web
    assert isinstance(web, Web)
    return web


def stop_of(request: Request) -> Event:
    """Set when the server of this request stops."""
    stop = request.app.state.stop
    assert isinstance(stop, Event)
    return stop
