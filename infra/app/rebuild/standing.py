"""Standing: how far the rebuilds are that were begun and do not serve yet, whichever process runs them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from infra.app.container import Waybill
from infra.queries.standing import BegunRebuild, begun_rebuilds
from projections.catalogue import PROJECTIONS
from projections.projection import Projection

FILLING, CATCHING_UP = "filling", "catching up"
_KNOWN: Mapping[str, Projection] = {projection.name: projection for projection in PROJECTIONS}


class RebuildStanding(NamedTuple):
    """A rebuild in the store. `part` is "filling" or "catching up"; `done` and `total` count events of that part.

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
    """Reads how far rebuilds are. What a rebuild has to fill never changes, so it is counted once."""

    def __init__(self, waybill: Waybill):
        self._waybill = waybill
        self._totals: dict[tuple[str, int, datetime], int] = {}

    def __call__(self) -> list[RebuildStanding]:
        with self._waybill.engine.connect() as connection:
            begun = begun_rebuilds(connection)
        self._totals = {key: total for key, total in self._totals.items() if key in {one[:3] for one in begun}}
        return [self._standing(one) for one in begun]

    def _standing(self, begun: BegunRebuild) -> RebuildStanding:
        part = CATCHING_UP if begun.stream is None else FILLING
        done, total = self._counts(begun)
        return RebuildStanding(begun.name, begun.version, begun.begun_at, part, done, total)

    def _counts(self, begun: BegunRebuild) -> tuple[int | None, int | None]:
        history = self._waybill.history
        projection = _KNOWN.get(begun.name)
        if projection is None:
            return None, None
        if begun.stream is None:
            lag = history.count_after(begun.position)
            total = history.count_after(0)
            return total - lag, total
        key = begun[:3]
        if key not in self._totals:
            self._totals[key] = history.count_of_kinds([projection.kind], begun.position)
        left = history.count_of_kinds([projection.kind], begun.position, begun.stream)
        return self._totals[key] - left, self._totals[key]
