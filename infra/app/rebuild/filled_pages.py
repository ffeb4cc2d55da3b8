"""Filling: reads, settles, shapes and inserts subjects page by page, each page in one transaction."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from infra.app.container import Waybill
from infra.app.rebuild.advance import Advance
from infra.store.events.ranges import StreamRange
from infra.store.projected.builds import Build


class FilledPage(NamedTuple):
    """The builds after a page of subjects was filled, and how many events these have."""

    builds: Sequence[Build]
    events: int


def filled_pages(
    waybill: Waybill, advance: Advance, builds: Sequence[Build], part: int | None, most: int
) -> Iterator[FilledPage]:
    """Fill builds, or one of the parts into which they were cut, with pages of at most so many events.

    Raises RebuildStoppedError and CheckpointMovedError.
    """
    while True:
        among = StreamRange(builds[0].stream or "") if part is None else builds[0].parts[part]
        page = waybill.retry(partial(advance.next_page, builds, among, most))
        if page is None:
            return
        builds = waybill.retry(partial(advance.fill, builds, page, part))
        yield FilledPage(builds, page.events)
