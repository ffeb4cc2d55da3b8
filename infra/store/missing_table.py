"""A table of Waybill's own that a store lacks: whose rows it would have."""

import re
from collections.abc import Iterable

from infra.store.failures import reason_of
from infra.store.projected.tables import tables_of
from projections.projection import Projection

_MISSING = re.compile(r"no such table: (?:\w+\.)?(\w+)|relation \"(?:\w+\.)?(\w+)\" does not exist")
_SUFFIX = re.compile(r"_v\d+(_b\d+)?$")


def missing_projection(error: BaseException, projections: Iterable[Projection]) -> str | None:
    """The name of the projection whose table is missing, if that is the failure; None if it is another."""
    found = _MISSING.search(reason_of(error))
    if found is None:
        return None
    table = _SUFFIX.sub("", found[1] or found[2])
    return next((each.name for each in projections if table in {one.name for one in tables_of(each)}), None)
