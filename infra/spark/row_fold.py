"""The fold of an archive's events into rows, on Spark: one pass over the events, grouped by stream.

Executors write the rows (infra/spark/executors/rows.py) and report them. Spark sums the contributions to totals over
all partitions, and this process collects files, sums and failed streams. A task that Spark repeats writes files under
other names; a report of one partition and table counts once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from infra.spark.executors.row_files import WrittenFile
from infra.spark.executors.rows import COUNT, FAILED, FILE, REPORT, TOTAL, FileDetail, rows_fold
from infra.spark.executors.shaping import FailedStream
from projections.totals import Sums, Totals


class FoldedRows(NamedTuple):
    """What a fold wrote: its files, the sums by table of totals and key, failed streams, and counts of COUNTS."""

    files: Sequence[WrittenFile]
    totals: Mapping[str, Sums]
    failed: Sequence[FailedStream]
    counts: Mapping[str, int]


def fold_rows(grouped: Any, url: str, run: str, totals: Sequence[Totals]) -> FoldedRows:
    """Fold events that are grouped by stream into files below `url`, whose names have `run`."""
    from pyspark.sql import functions as sql

    reports = grouped.mapInArrow(rows_fold(url, run), REPORT)
    # One line of a partition and table: if Spark repeats a task after others have read its first report, both attempts
    # have written the same rows, and either file is whole.
    lines = reports.groupBy("what", "table", "key", "measure").agg(
        sql.sum("value").alias("value"), sql.min("detail").alias("detail")
    )
    return _collected(lines.collect(), totals)


def _collected(lines: Sequence[Any], totals: Sequence[Totals]) -> FoldedRows:
    files: list[WrittenFile] = []
    failed: list[FailedStream] = []
    counts: dict[str, int] = {}
    measured: dict[str, dict[tuple[Any, ...], dict[str, int]]] = {each.table.name: {} for each in totals}
    for line in lines:
        if line.what == FILE:
            detail = msgspec.json.decode(line.detail, type=FileDetail)
            files.append(WrittenFile(line.table, detail.path, line.value, detail.bytes, detail.sha256))
        elif line.what == TOTAL:
            key = tuple(msgspec.json.decode(line.key))
            measured[line.table].setdefault(key, {})[line.measure] = line.value
        elif line.what == FAILED:
            failed.append(FailedStream(line.table or None, line.key, line.value, line.detail))
        elif line.what == COUNT:
            counts[line.measure] = line.value
    sums = {
        each.table.name: {
            key: tuple(found.get(measure, 0) for measure in each.measures)
            for key, found in sorted(measured[each.table.name].items())
            if any(found.values())
        }
        for each in totals
    }
    return FoldedRows(
        sorted(files), sums, sorted(failed, key=lambda each: (each.stream, each.projection or "")), counts
    )
