"""Threads for work that must not wait for the readers, who may hold all the others."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class ReservedThreads:
    """So many threads beside those of the other requests, for work that takes milliseconds."""

    def __init__(self, threads: int):
        self._limiter = CapacityLimiter(threads)

    async def run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """What `work` returns or raises in one of the threads."""
        return await to_thread.run_sync(work, *arguments, limiter=self._limiter)
