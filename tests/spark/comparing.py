"""Spark's rows beside those of a store, in flat memory: for histories whose rows are too many to keep.

    python -m tests.spark.comparing --events 5000000 --folder .local/compare

makes a floor of so many messages, takes it in, archives it, makes its rows on Spark, and compares every table. A step
that is done is not done again.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet
from sqlalchemy import select

from bench import workloads
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.spark_rebuild import spark_rebuild
from infra.archive.folder import ArchiveFolder
from infra.archive.rows_folder import ROWS_MANIFEST, read_rows_manifest
from projections.table import Row, RowTable
from projections.views.tables import table_of
from tests.spark.reading_rows import TABLES

ROWS_AT_ONCE = 10_000
FLOOR = 100_000
"""Messages of each of the floors that follow one another."""


class Digest(NamedTuple):
    """How many rows there are, and the sum of their hashes: equal for the same rows in any order, and for no others."""

    rows: int
    sum: int


def digest_of(rows: Iterable[Row]) -> Digest:
    """The digest of rows, by their values: 1.50 is 1.5, and an instant is one in UTC."""
    count = total = 0
    for row in rows:
        count += 1
        written = repr(tuple(map(_plain, row))).encode()
        total += int.from_bytes(hashlib.blake2b(written, digest_size=16).digest())
    return Digest(count, total % 2**128)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value.normalize()) if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def differing_tables(waybill: Waybill, folder: str) -> dict[str, tuple[Digest, Digest]]:
    """The tables whose rows in the folder are not those of the store, with the digests of both; none if all agree."""
    digests = {
        table.name: (digest_of(_of_folder(ArchiveFolder(folder), table)), digest_of(_of_store(waybill, table)))
        for table in TABLES
    }
    return {name: both for name, both in digests.items() if both[0] != both[1]}


def _of_folder(folder: ArchiveFolder, wanted: RowTable[Any]) -> Iterator[Row]:
    tables = [table for each in read_rows_manifest(folder).projections for table in each.tables]
    for file in next(table.files for table in tables if table.table == wanted.name):
        with folder.open_read(file.path) as opened:
            for batch in pyarrow.parquet.ParquetFile(opened).iter_batches(ROWS_AT_ONCE, columns=list(wanted.names)):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _of_store(waybill: Waybill, table: RowTable[Any]) -> Iterator[Row]:
    stored = table_of(table)
    statement = select(*(stored.c[name] for name in table.names))
    with (
        waybill.engine.connect() as connection,
        closing(connection.execution_options(yield_per=ROWS_AT_ONCE).execute(statement)) as found,
    ):
        yield from map(tuple, found)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare Spark's rows of a simulated floor with those of a store.")
    parser.add_argument("--events", type=int, default=5_000_000, help="about how many messages the floor has")
    parser.add_argument("--folder", type=Path, default=Path(".local/compare"), help="where store and archive go")
    parser.add_argument("--master", default="local[*]", help="Spark's")
    given = parser.parse_args()
    folder = (given.folder / str(given.events)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    source, archive, rows = folder / "messages.jsonl", folder / "archive", folder / "rows"
    if not source.exists():
        print("writing the messages", flush=True)
        workloads.write_long_history(min(FLOOR, given.events), max(1, round(given.events / FLOOR)), f"{source}.part")
        Path(f"{source}.part").rename(source)
    with workloads.service(f"sqlite:///{folder}/waybill.db") as waybill:
        if not (taken_in := folder / "taken-in").exists():
            print("taking them in", flush=True)
            workloads.read_file(waybill, str(source), waybill.settings.batch_messages)
            taken_in.touch()
        waybill.project()
        print("archiving", flush=True)
        archive_store(waybill, str(archive))
        if not (rows / ROWS_MANIFEST).exists():
            print("making the rows on Spark", flush=True)
            made = spark_rebuild(str(archive), str(rows), master=given.master)
            print(f"{made.events:,} events in {made.seconds:,.0f} s", flush=True)
        print("comparing", flush=True)
        differing = differing_tables(waybill, str(rows))
    for name, (of_spark, of_store) in differing.items():
        print(f"{name} differs: {of_spark.rows:,} rows on Spark, {of_store.rows:,} in the store")
    print(f"{len(TABLES) - len(differing)} of {len(TABLES)} tables are equal")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
