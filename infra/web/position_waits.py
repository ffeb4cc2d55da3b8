"""Waiting until a view reflects a position: any number of requests wait, and none of them holds a thread meanwhile."""

import asyncio
from datetime import timedelta
from time import monotonic

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from infra.queries.views import SECONDS_BETWEEN_LOOKS, Views
from infra.web.problems import SECONDS_TO_RETRY, Problem
from infra.web.stopping import stops
from projections.views.catalogue import View

MOST_WAITING = 1_000
"""How many requests may wait at once in this process."""


class PositionWaits:
    """The requests of a process that wait. Those that wait for one view look at the store together.

    Its methods are for one event loop.
    """

    def __init__(self, views: Views):
        self._views = views
        self._waiting = 0
        self._looks: dict[tuple[str, ...], asyncio.Task[int]] = {}

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return self._waiting

    async def until_reflected(self, request: Request, view: View, position: int, patience: timedelta) -> None:
        """Return when the view reflects the position.

        Raises NotYetReflectedError if it does not in time, and Problem (503) when the server stops or too many wait.
        """
        give_up = monotonic() + patience.total_seconds()
        # A look of its own: a shared one may have begun before the caller heard of the position.
        reached = await run_in_threadpool(self._views.reflected, view)
        if reached >= position:
            return
        if self._waiting >= MOST_WAITING:
            raise _come_back(f"min_position: {self._waiting} requests wait for a position already; ask again later")
        self._waiting += 1
        try:
            while reached < position:
                if stops(request):
                    raise _come_back("the service is stopping; ask again when it is back")
                left = give_up - monotonic()
                if left <= 0 or await request.is_disconnected():
                    raise await run_in_threadpool(self._views.not_reflected, reached, position, patience)
                await asyncio.sleep(min(left, SECONDS_BETWEEN_LOOKS))
                reached = await self._shared_look(view)
        finally:
            self._waiting -= 1

    async def _shared_look(self, view: View) -> int:
        """The position that the view reflects, by one look for all who ask at the same time."""
        name = tuple(sorted(projection.name for projection in view.projections))
        look = self._looks.get(name)
        if look is None:
            look = self._looks[name] = asyncio.create_task(run_in_threadpool(self._views.reflected, view))
            look.add_done_callback(lambda _: self._looks.pop(name))
        return await asyncio.shield(look)  # others wait for it too, when this request is cancelled


def _come_back(why: str) -> Problem:
    return Problem(503, why, headers={"Retry-After": SECONDS_TO_RETRY})
