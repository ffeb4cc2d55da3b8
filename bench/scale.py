"""Spark beside the bare fold: events a second for each processor, and how time and memory grow with the history.

The bare fold decodes, settles and shapes the same events in one process of Python, which has them in memory, sorted.
Spark reads, shuffles and sorts them too, and writes the rows; its start-up is left out on both sides. What was measured
of a size is written down at once, so that an interrupted run continues with the next size.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from bench.goals import SPARK, SPARK_MEMORY, SPARK_TIME, Goal
from bench.measuring import Measured, measure
from bench.processor import peak_megabytes_of
from bench.report import figures_of, judged
from bench.scale_archive import FLOOR_ARCHIVE, archive_of
from infra.app.spark_rebuild import spark_rebuild
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.runtime.garbage_collection import collect_rarely
from infra.spark.executors.rows import fold_partition
from infra.spark.executors.shaping import Shaper
from infra.spark.executors.streams import COLUMNS, ArchivedStream, streams_in
from infra.spark.session import spark_session
from projections.catalogue import PROJECTIONS

SIZES = (1_000_000, 5_000_000)
BARE_EVENTS = 300_000
"""Of the bare fold, which has them in memory."""

Taken = dict[str, dict[str, Any]]
"""What was measured, by size."""


def compare(
    folder: Path, sizes: Sequence[int], master: str, processors: int, tell: Callable[[str], None], kept: Path
) -> list[dict[str, Any]]:
    """Measure each size that is not in the file `kept`, and write it there. A row for each."""
    taken: Taken = json.loads(kept.read_text()) if kept.exists() else {}
    for size in sizes:
        if f"{size}" in taken:
            continue
        archive_of(folder, size, tell)
        archive = str(folder / f"archive-{size}")
        tell(f"{size:,} events: the bare fold of {min(size, BARE_EVENTS):,} of them, and writing their rows")
        bare = measure("bare fold", bare_fold, archive, BARE_EVENTS)
        writing = measure("bare fold and files", bare_fold, archive, BARE_EVENTS, f"{folder}/bare-rows")
        tell(f"{size:,} events: Spark on {master}")
        memory = folder / "memory.json"
        spark = measure("spark", on_spark, archive, f"{folder}/rows", master, str(memory), str(folder / FLOOR_ARCHIVE))
        taken[f"{size}"] = {
            "processors": processors,
            "bare": list(bare),
            "writing": list(writing),
            "spark": list(spark),
            "memory": json.loads(memory.read_text()),
        }
        for rows in ("bare-rows", "rows"):
            shutil.rmtree(folder / rows, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(taken, indent=2))
    return _rows({size: taken[f"{size}"] for size in sizes})


def bare_fold(archive: str, most: int, to: str | None = None) -> Iterator[int]:
    """Decode, settle and shape up to so many events, whole streams; with `to`, write their rows there too."""
    streams = _streams(archive, most)
    events = sum(len(stream.events) for stream in streams)
    shaper = Shaper(PROJECTIONS)
    collect_rarely()
    yield 0
    if to is None:
        for stream in streams:
            shaper.shape(stream)
    else:
        fold_partition(streams, PROJECTIONS, ArchiveFolder(to), 0, "bare")
    yield events


def _streams(archive: str, most: int) -> list[ArchivedStream]:
    manifest = read_manifest(ArchiveFolder(archive))
    tables, found = [], 0
    for file in manifest.files("events"):
        # A copy of the floor has whole streams, and its files follow one another.
        if found >= most:
            break
        tables.append(pyarrow.parquet.ParquetFile(Path(archive) / file.path).read(columns=list(COLUMNS)))
        found += file.rows
    table = pyarrow.concat_tables(tables).sort_by([("stream", "ascending"), ("version", "ascending")])
    states = table["state"].cast(pyarrow.binary())
    table = table.set_column(table.schema.get_field_index("state"), "state", states)
    return list(streams_in(table.to_batches(10_000)))


def on_spark(archive: str, to: str, master: str, memory: str, first: str) -> Iterator[int]:
    """All of `waybill spark rebuild` but the start of Spark. Peaks of memory go to the file `memory`, in MB.

    What the first tasks load and compile is start-up too, so the rows of the archive `first` are made before.
    """
    with spark_session("bench", master) as session:
        spark_rebuild(first, f"{to}-first", master=master)
        shutil.rmtree(f"{to}-first")
        yield 0
        made = spark_rebuild(archive, to, master=master)
        java = session.sparkContext._gateway.proc.pid
        peaks = {"python": peak_megabytes_of("self"), "java": peak_megabytes_of(java)}
        Path(memory).write_text(json.dumps(peaks))
        yield made.events


def _rows(taken: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    least = min(taken)
    first = Measured(*taken[least]["spark"])
    for size, found in taken.items():
        bare, writing, spark = (Measured(*found[name]) for name in ("bare", "writing", "spark"))
        a_core = spark.per_second / found["processors"]
        grown, memory = first.per_second / spark.per_second, found["memory"]
        goals: list[tuple[Goal, float]] = [(SPARK, bare.per_second / a_core)]
        if size != least:
            times = memory["python"] / taken[least]["memory"]["python"]
            goals += [(SPARK_TIME, grown), (SPARK_MEMORY, times)]
        told = [judged(goal, value) for goal, value in goals]
        rows.append(
            {
                **figures_of(f"spark rebuild, {spark.units:,} events", [spark]),
                "a_core": round(a_core),
                "bare": round(bare.per_second),
                "writing": round(writing.per_second),
                "times": round(bare.per_second / a_core, 2),
                "times_by_processor": round(spark.processor_us / bare.processor_us, 2),
                "grown": round(grown, 3),
                "driver_megabytes": round(memory["python"]),
                "java_megabytes": round(memory["java"]),
                "goal": ", ".join(one["goal"] for one in told),
                "reached": ", ".join(one["reached"] for one in told),
            }
        )
    return rows


SCALED: Mapping[str, str] = {
    "what": "what",
    "seconds": "s",
    "per_second": "events/s",
    "a_core": "a processor",
    "bare": "bare fold",
    "writing": "… and files",
    "times": "× its time",
    "times_by_processor": "× by processor",
    "grown": "× grown",
    "driver_megabytes": "driver MB",
    "java_megabytes": "Java MB",
    "goal": "goal",
    "reached": "reached",
}
"""The columns of the table: events a second in all and for each processor, of the bare fold, and of one that writes."""
