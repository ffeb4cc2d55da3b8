"""The cursor of a build that is loaded with rows made elsewhere, instead of filled from events.

It stands where a filled build has the name of its last stream (`projection_builds.stream`). It begins with a digit, so
that it comes before the name of every stream, whatever the database's collation: code of an earlier release, which
takes it for one, fills from the first stream on. So it repeats a loaded row, stops at it, and harms nothing.
"""

import re
from typing import NamedTuple

_FORM = re.compile(r"0 rows of ([0-9a-f]+): ([0-9]+)/([0-9]+)")


class LoadCursor(NamedTuple):
    """`done` of the `total` rows of a projection are loaded, in the order of the folder's manifest."""

    folder: str
    done: int
    total: int

    def __str__(self) -> str:
        return f"0 rows of {self.folder}: {self.done}/{self.total}"


def load_cursor(stream: str | None) -> LoadCursor | None:
    """The cursor that stands in place of a stream's name; None for a build that is filled from events, or is filled."""
    found = None if stream is None else _FORM.fullmatch(stream)
    return None if found is None else LoadCursor(found[1], int(found[2]), int(found[3]))
