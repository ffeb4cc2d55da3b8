"""Standing: how far the rebuilds are that were begun and do not serve yet, whichever process runs them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from infra.app.container import Waybill
from infra.app.rebuild.meter import CATCHING_UP, FILLING, LOADING
from infra.queries.standing import BegunRebuild, begun_rebuilds
from projections.catalogue import every_projection
from projections.projection import Projection

_Key = tuple[str, int, datetime]
_KNOWN: Mapping[str, Projection] = {projection.name: projection for projection in every_projection()}


class RebuildStanding(NamedTuple):
    """A rebuild in the store. `part` is "filling", "loading" or "catching up"; `done` and `total` count events of that
    part, or rows of one that is loaded with rows.

    `begun_at` is in UTC. `done` and `total` are None for a projection that this code does not know. Whether a process
    works on it shows in whether `done` grows.
    """

    name: str
    version: int
    begun_at: datetime
    part: str
    done: int | None
    total: int | None


class RebuildStandings:
    """Reads how far rebuilds are, from any thread. What a rebuild has to fill never changes, so it is counted once."""

    def __init__(self, waybill: Waybill):
        self._waybill = waybill
        self._totals: dict[_Key, int] = {}

    def __call__(self) -> list[RebuildStanding]:
        with self._waybill.engine.connect() as connection:
            begun = begun_rebuilds(connection)
        # Another thread may replace the kept totals meanwhile, so this one works on its own copy.
        totals = dict(self._totals)
        found = [self._standing(one, totals) for one in begun]
        self._totals = {one[:3]: totals[one[:3]] for one in begun if one[:3] in totals}
        return found

    def _standing(self, begun: BegunRebuild, totals: dict[_Key, int]) -> RebuildStanding:
        if (loading := begun.loading) is not None:
            return RebuildStanding(begun.name, begun.version, begun.begun_at, LOADING, loading.done, loading.total)
        part = CATCHING_UP if begun.stream is None else FILLING
        done, total = self._counts(begun, totals)
        return RebuildStanding(begun.name, begun.version, begun.begun_at, part, done, total)

    def _counts(self, begun: BegunRebuild, totals: dict[_Key, int]) -> tuple[int | None, int | None]:
        history = self._waybill.history
        projection = _KNOWN.get(begun.name)
        if projection is None:
            return None, None
        if begun.stream is None:
            lag = history.count_after(begun.position)
            total = history.count_after(0)
            return total - lag, total
        key = begun[:3]
        if key not in totals:
            totals[key] = history.count_of_kinds(projection.kinds, begun.position)
        left = history.count_of_kinds(projection.kinds, begun.position, begun.left)
        return totals[key] - left, totals[key]
