"""The tables of the projections, as the runner sees them. The store implements this (infra/store/projected/rows.py)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from projections.failures import Failure, Standing
from projections.projection import Projection
from projections.replacement import Replacement


class Rows(Protocol):
    """The tables of the projections, as the runner sees them."""

    def standings(self, projections: Iterable[Projection]) -> Mapping[str, Standing]:
        """Where each projection stands, by name; one that has not begun stands at 0."""

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        """Write rows, totals, positions and failures in one transaction.

        Raises domain.checkpoint.CheckpointMovedError, or RowsRefusedError when the rows of one projection are at fault;
        then nothing is written. Whatever else it raises is the store's own trouble.
        """

    def try_out(self, replacement: Replacement) -> None:
        """Write rows and totals, and roll that back. Raises RowsRefusedError."""

    def stop(self, projection: Projection, failure: Failure) -> None:
        """Note that a projection is stopped where it stands."""
