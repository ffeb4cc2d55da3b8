"""A replacement: the new rows of settled subjects, which replace all their rows in one projection."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.kind import Kind
from domain.streams import split_stream_name
from projections.failures import Failure, reason_of
from projections.projection import Believed, Projection, Settled, Shapable
from projections.table import Row


@dataclass
class Replacement:
    """New rows that replace all rows of these subjects, for one projection.

    `begun` has those of the subjects whose first event lies in this batch: they have no rows to replace yet. `failed`
    has the failures parked with this batch, and `resolved` the keys that are no longer parked.
    """

    projection: Projection
    subjects: list[str] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    begun: set[str] = field(default_factory=set)
    failed: Sequence[Failure] = ()
    resolved: Collection[str] = ()

    @property
    def continued(self) -> Sequence[str]:
        """The subjects that may have rows."""
        return [subject_id for subject_id in self.subjects if subject_id not in self.begun]

    def take(self, settled: Settled | Believed, *, only_lasting: bool = False) -> None:
        """Add a subject with its rows; with `only_lasting`, without the periods that have ended."""
        self.subjects.append(settled.subject_id)
        for table, rows in self.projection.shape(settled).items():
            if only_lasting:
                rows = [row for row in rows if getattr(row, "valid_to", None) is None]
            self.rows[table].extend(rows)


def shape_replacements(
    projections: Sequence[Projection],
    settlings: Mapping[str, Shapable],
    leave_out: Collection[str] = (),
    begun: Collection[str] = (),
) -> tuple[list[Replacement], dict[str, dict[str, str]]]:
    """The rows of these subjects by projection; and by projection, the failed subjects with reasons.

    `leave_out` are subjects, and `begun` streams that have no events before this batch.
    The replacement of a failed projection is incomplete: shape it again without those subjects.
    """
    by_kind: dict[Kind, list[Replacement]] = defaultdict(list)
    failures: dict[str, dict[str, str]] = {}
    replacements = [Replacement(projection) for projection in projections]
    for replacement in replacements:
        by_kind[replacement.projection.kind].append(replacement)
    for stream, settling in settlings.items():
        kind, subject_id = split_stream_name(stream)
        assert kind is not None
        if subject_id in leave_out:
            continue
        settled = settling if isinstance(settling, Believed) else Settled(kind, subject_id, settling)
        for replacement in by_kind[kind]:
            # Any error concerns only this projection and is reported as such.
            try:
                replacement.take(settled)
            except Exception as e:
                failures.setdefault(replacement.projection.name, {})[subject_id] = reason_of(e)
            else:
                if stream in begun:
                    replacement.begun.add(subject_id)
    return replacements, failures
