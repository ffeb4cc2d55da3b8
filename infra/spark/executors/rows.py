"""The fold of a partition into rows: shapes its streams, writes the rows to files, and reports what it wrote.

It runs in Spark's executors. Rows do not go through Spark: it gets a line for each file, each sum and each failed
stream. Files are named by the attempt of the task, and only those of an attempt that succeeded are reported.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from domain.streams import stream_name
from infra.archive.folder import ArchiveFolder
from infra.export.arrow_schema import pyarrow
from infra.runtime.garbage_collection import collect_rarely
from infra.spark.executors.row_files import RowFiles, WrittenFile
from infra.spark.executors.shaping import FailedStream, Shaper
from infra.spark.executors.streams import ArchivedStream, streams_in
from projections.catalogue import PROJECTIONS
from projections.projection import Projection
from projections.totals import TotalsTally

MOST_FAILED = 10_000
"""How many failed streams are reported one by one: if more fail, the projection itself is at fault."""

REPORT = "what string, table string, key string, measure string, value bigint, detail string"
"""The columns of a report, as Spark writes types; see Reported."""

FILE, TOTAL, FAILED, COUNT = "file", "total", "failed", "count"
COUNTS = ("events", "streams", "failed")


class Reported(NamedTuple):
    """A line of the report of a partition. Lines that are equal in the first four columns are one: values are summed.

    `what` is FILE (`key`: the partition, `value`: its rows, `detail`: path, bytes and hash), TOTAL (`key`: that of the
    sum, as JSON), FAILED (`table`: the projection, `key`: the stream, `value`: the position or null, `detail`: the
    reason), or COUNT (`measure`: one of COUNTS).
    """

    what: str
    table: str
    key: str
    measure: str
    value: int | None
    detail: str | None = None


class FileDetail(NamedTuple):
    """What a file is besides its rows."""

    path: str
    bytes: int
    sha256: str


def rows_fold(url: str, run: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """The function for `mapInArrow`: it writes the rows of its partition below `url`; `run` is in all files' names."""

    def fold(batches: Iterator[Any]) -> Iterator[Any]:
        return fold_here(url, run, batches)

    return fold


def fold_here(url: str, run: str, batches: Iterator[Any]) -> Iterator[Any]:
    """Fold a partition within a task of Spark; yields the report as a record batch of REPORT."""
    from pyspark import TaskContext

    collect_rarely()
    context = TaskContext.get()
    partition = context.partitionId()
    name = f"{run}-{partition:05}-{context.taskAttemptId()}"
    yield batch_of(fold_partition(streams_in(batches), PROJECTIONS, ArchiveFolder(url), partition, name))


def fold_partition(
    streams: Iterable[ArchivedStream],
    projections: Sequence[Projection],
    folder: ArchiveFolder,
    partition: int,
    name: str,
) -> list[Reported]:
    """Write the rows of these streams to files of this name; returns the report. Raises OSError."""
    shaper = Shaper(projections)
    owners = {table.name: projection for projection in projections for table in projection.tables}
    tallies = {totals.over.name: TotalsTally(totals) for projection in projections for totals in projection.totals}
    counts = dict.fromkeys(COUNTS, 0)
    failed: list[FailedStream] = []

    def fail(failures: Sequence[FailedStream]) -> None:
        counts["failed"] += len(failures)
        failed.extend(failures[: MOST_FAILED + 1 - len(failed)])

    with RowFiles(folder, name, [table for projection in projections for table in projection.tables]) as files:
        for stream in streams:
            counts["streams"] += 1
            counts["events"] += len(stream.events)
            shaped = shaper.shape(stream)
            if shaped.failed:
                fail(shaped.failed)
            for table, rows in shaped.rows.items():
                files.add(table, rows)
                if table in tallies:
                    tallies[table].add((), rows)
        written = files.finish()
    for refused in files.refused:
        owner = owners[refused.table]
        fail([FailedStream(owner.name, stream_name(owner.kind, refused.row[0]), None, refused.reason)])
        if refused.table in tallies:
            tallies[refused.table].add([refused.row], ())
    return [
        *(Reported(COUNT, "", "", measure, count) for measure, count in counts.items()),
        *(_file(file, partition) for file in written),
        *(reported for tally in tallies.values() for reported in _sums(tally)),
        *(Reported(FAILED, each.projection or "", each.stream, "", each.position, each.reason) for each in failed),
    ]


def batch_of(report: Sequence[Reported]) -> Any:
    """The report as an Arrow record batch with the columns of REPORT."""
    arrow = pyarrow()
    types = [arrow.int64() if name == "value" else arrow.string() for name in Reported._fields]
    columns = [arrow.array(values, type_) for values, type_ in zip(zip(*report, strict=True), types, strict=True)]
    return arrow.record_batch(columns, names=list(Reported._fields))


def _file(file: WrittenFile, partition: int) -> Reported:
    detail = FileDetail(file.path, file.bytes, file.sha256)
    return Reported(FILE, file.table, f"{partition:05}", "", file.rows, msgspec.json.encode(detail).decode())


def _sums(tally: TotalsTally) -> Iterator[Reported]:
    totals = tally.totals
    for key, sums in tally.sums.items():
        told = msgspec.json.encode(key).decode()
        for measure, value in zip(totals.measures, sums, strict=True):
            if value:
                yield Reported(TOTAL, totals.table.name, told, measure, value)
