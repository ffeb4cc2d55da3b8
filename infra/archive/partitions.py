"""Where a row belongs: the bucket of its stream, and the month of its recording."""

import re
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

DEFAULT_BUCKETS = 16
MOST_BUCKETS = 1024

_NAME = re.compile(r"[a-z_]+/(recorded=\d{4,}-\d{2}/)?(bucket=\d{2,}/)?\d{6,}-[0-9a-f]{8}-\d+\.parquet")


class Partition(NamedTuple):
    """The month of recording (UTC, YYYY-MM) and the bucket of the rows of a file; None: the dataset has none."""

    month: str | None = None
    bucket: int | None = None


WHOLE = Partition()
"""Of a dataset that is not divided."""


def bucket_of(name: str, buckets: int) -> int:
    """The bucket of a stream (of a message: of its subject), from 0: the CRC-32 of the name in UTF-8, modulo."""
    return crc32(name.encode()) % buckets


def month_of(instant: datetime) -> str:
    """The month of an instant in UTC, as YYYY-MM."""
    return f"{instant.year:04}-{instant.month:02}"


def path_of(dataset: str, partition: Partition, run: str, number: int) -> str:
    """The path of a run's file, relative to the archive. `run` is unique, so no run writes the file of another."""
    month = "" if partition.month is None else f"recorded={partition.month}/"
    bucket = "" if partition.bucket is None else f"bucket={partition.bucket:02}/"
    return f"{dataset}/{month}{bucket}{run}-{number}.parquet"


def is_written_by_runs(path: str) -> bool:
    """Whether a file's path is one that `path_of` gives."""
    return _NAME.fullmatch(path) is not None
