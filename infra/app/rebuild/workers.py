"""Workers of a rebuild: processes that fill its parts. What is filled is noted in the store with the rows, so nothing
is lost if any of them is killed.

Parts are ranges of stream names, not hashes: then each process reads and writes neighbouring pages of the store only.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple

from infra.app.container import Waybill
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildStoppedError
from infra.app.rebuild.filled_pages import filled_pages
from infra.app.workers import PagesOf, Workers, do_parts
from infra.settings import Settings
from infra.store.events.ranges import StreamRange
from infra.store.projected.builds import Build, ProjectionBuilds
from projections.catalogue import every_projection


class ToldBuild(NamedTuple):
    """A build, with the name of its projection: a projection has functions, which cannot be sent."""

    projection: str
    number: int
    position: int
    stream: str | None
    parts: tuple[StreamRange, ...]


def fill_in_processes(
    settings: Settings,
    builds: Sequence[Build],
    most: int,
    processes: int,
    paced: Callable[[int], None],
    claim: Callable[[], None],
) -> None:
    """Fill all parts with pages of at most `most` events; `paced` is called with the events of each page, and `claim`
    while there are none.

    Raises what stopped a worker.
    """
    arguments = (settings, [_told(build) for build in builds], most)
    with Workers(work, arguments, len(builds[0].parts), processes, _stopped) as workers:
        for events in workers.pages(claim):
            paced(events)


def work(settings: Settings, told: Sequence[ToldBuild], most: int, leader: Connection) -> None:
    """The main function of a worker."""
    do_parts(settings, leader, partial(_filling, settings, told, most))


@contextmanager
def _filling(settings: Settings, told: Sequence[ToldBuild], most: int) -> Iterator[PagesOf]:
    builds = [_build_of(each) for each in told]
    with Waybill(settings) as waybill:
        advance = Advance(waybill, ProjectionBuilds(waybill.engine, waybill.clock))
        yield lambda part: (page.events for page in filled_pages(waybill, advance, builds, part, most))


def _stopped(how: str) -> RebuildStoppedError:
    return RebuildStoppedError(
        f"a process of the rebuild {how}. Nothing has changed; run the rebuild again to continue"
    )


def _told(build: Build) -> ToldBuild:
    return ToldBuild(build.projection.name, build.number, build.position, build.stream, build.parts)


def _build_of(told: ToldBuild) -> Build:
    projection = next(each for each in every_projection() if each.name == told.projection)
    return Build(projection, told.number, told.position, told.stream, parts=told.parts)
