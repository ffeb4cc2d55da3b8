"""The interface through which the runner writes projections; infra/store/projected/rows.py implements it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from projections.failures import Failure, Standing
from projections.projection import Projection
from projections.replacement import Replacement


class Rows(Protocol):
    """The tables of the projections."""

    def standings(self, projections: Iterable[Projection]) -> Mapping[str, Standing]:
        """The state of each projection, by name; one that has not begun is at position 0."""

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        """Write rows, totals, positions and failures in one transaction.

        Raises domain.checkpoint.CheckpointMovedError, or RowsRefusedError if the rows of one projection are at fault;
        then nothing is written. Other errors are failures of the store.
        """

    def try_out(self, replacement: Replacement) -> None:
        """Write rows and totals, and roll back. Raises RowsRefusedError."""

    def stop(self, projection: Projection, failure: Failure) -> None:
        """Record that a projection is stopped at its position."""
