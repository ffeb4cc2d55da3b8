"""Batch writing: writes a settled batch for all projections of a group; if one fails, for the others without it."""

from collections.abc import Mapping, Sequence

from projections.batch_settling import SettledBatch
from projections.failures import THE_PROJECTION_ITSELF, Incident, RowsRefusedError, Standing
from projections.parking import Parking
from projections.projection import Projection
from projections.replacement import Replacement, shape_replacements
from projections.rows import Rows


class BatchWriter:
    """Writes rows, totals and checkpoints; `parking` handles a failing projection."""

    def __init__(self, rows: Rows, parking: Parking):
        self._rows = rows
        self._parking = parking

    def write(
        self,
        group: Sequence[Projection],
        standings: Mapping[str, Standing],
        batch: SettledBatch,
    ) -> bool:
        """Write the rows of these subjects for all projections that do not fail; returns whether any was written."""
        replacements, failures = shape_replacements(group, batch.settlings, begun=batch.begun)
        together = []
        for replacement in replacements:
            found = failures.get(replacement.projection.name)
            if not found:
                together.append(replacement)
            elif (left := self._parking.left_in(replacement.projection, standings, batch, found)) is not None:
                together.append(left)
        written = False
        while together:
            self._resolve(together, standings)
            try:
                self._rows.replace(together, batch.start, batch.end)
            except RowsRefusedError as e:
                together = [replacement for replacement in together if replacement.projection is not e.projection]
                written |= self._write_alone(e, standings, batch)
            else:
                self._told_as_written(together, standings, batch.end)
                return True
        return written

    def _write_alone(self, refused: RowsRefusedError, standings: Mapping[str, Standing], batch: SettledBatch) -> bool:
        """Write the batch of one projection without the subjects whose rows are refused, if a retry is due."""
        projection = refused.projection
        # Subjects that are already parked need no new search, and no projection waits for them.
        known = self._parking.refused(projection, batch, standings[projection.name].parked)
        if known and self._write_without(projection, standings, batch, known):
            return True
        if not self._parking.patience_ends(projection, standings, batch, refused.reason):
            return False
        found = self._parking.refused(projection, batch)
        # None: no subject is at fault, and the trouble may have passed at the next retry.
        return bool(found) and self._write_without(projection, standings, batch, found)

    def _write_without(
        self, projection: Projection, standings: Mapping[str, Standing], batch: SettledBatch, found: Mapping[str, str]
    ) -> bool:
        left = self._parking.park(projection, standings, batch, found)
        if left is None:
            return False
        self._resolve([left], standings)
        try:
            self._rows.replace([left], batch.start, batch.end)
        except RowsRefusedError:
            return False
        self._told_as_written([left], standings, batch.end)
        return True

    def _resolve(self, replacements: Sequence[Replacement], standings: Mapping[str, Standing]) -> None:
        """Record the failures that this batch resolves: of parked subjects with rows, and of the projection."""
        for replacement in replacements:
            if failures := standings[replacement.projection.name].failures:
                still = {failure.key for failure in replacement.failed}
                settled = {THE_PROJECTION_ITSELF, *replacement.subjects}
                replacement.resolved = (failures.keys() & settled) - still

    def _told_as_written(
        self, replacements: Sequence[Replacement], standings: Mapping[str, Standing], end: int
    ) -> None:
        for replacement in replacements:
            projection = replacement.projection
            self._parking.recovered(projection)
            for failure in replacement.failed:
                self._parking.report(Incident.PARKED, projection, failure.key, end, failure.reason)
            for key in replacement.resolved:
                reason = standings[projection.name].failures[key].reason
                self._parking.report(Incident.RESUMED, projection, key or None, end, reason)
