"""The events of an archive as a Spark DataFrame, and their grouping by stream for a fold in `mapInArrow`."""

from pathlib import Path
from typing import Any

from domain.streams import operator_stream, waiting_room
from infra.archive.folder import WrongFolderError
from infra.archive.manifest import Manifest
from infra.masking import masked
from infra.spark.executors.streams import COLUMNS

EVENTS = "events"
SCHEMA = (
    "position bigint, stream string, version bigint, topic string, state string, "
    "occurred_at timestamp, recorded_at timestamp"
)
"""The columns that are read of the archive's events, as Spark writes types."""

EVENTS_A_PARTITION = 500_000
"""About 150 MB to sort; a partition is one task, and one file of each table."""
EVENTS_WORTH_A_TASK = 20_000

# fsspec's names of object stores, and Hadoop's.
_SCHEMES = {"s3": "s3a", "s3a": "s3a", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfss", "hdfs": "hdfs"}


def archived_events(session: Any, url: str, manifest: Manifest) -> Any:
    """The archived events as a DataFrame with the columns of SCHEMA, of the files in the manifest alone.

    `url` is a folder, or a URL of an object store. Raises WrongFolderError for one that Spark cannot read.
    """
    root = spark_path(url)
    paths = [f"{root}/{_escaped(file.path)}" for file in manifest.files(EVENTS)]
    if not paths:
        return session.createDataFrame([], SCHEMA)
    return session.read.schema(SCHEMA).parquet(*paths)


def of_subjects(events: Any) -> Any:
    """The events of streams that have a subject: neither of a waiting room of voids nor of an operator."""
    stream = events["stream"]
    return events.where(~(stream.startswith(waiting_room("")) | stream.startswith(operator_stream(""))))


def grouped_by_stream(events: Any, partitions: int) -> Any:
    """The columns that executors read, with all events of a stream in one partition, one after another by version."""
    state = events["state"].cast("binary").alias("state")
    columns = [state if name == "state" else events[name] for name in COLUMNS]
    return events.select(*columns).repartition(partitions, "stream").sortWithinPartitions("stream", "version")


def partitions_for(events: int, tasks_at_once: int) -> int:
    """How many partitions so many events are grouped into, if nobody says so.

    Enough to sort each in memory, and two tasks for each of those that run at once, to end at about the same time. More
    are a multiple of these, so that no processor waits while the last tasks run.
    """
    fewest = min(2 * tasks_at_once, max(1, events // EVENTS_WORTH_A_TASK))
    to_sort = -(-events // EVENTS_A_PARTITION)
    return fewest if to_sort <= fewest else -(-to_sort // tasks_at_once) * tasks_at_once


def spark_path(url: str) -> str:
    """The folder as Spark names it. Raises WrongFolderError for one that its executors cannot read."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return f"file://{_escaped(str(Path(url).expanduser().resolve()))}"
    if scheme in ("file", "local"):
        return f"file://{_escaped(rest.rstrip('/'))}"
    if scheme not in _SCHEMES:
        raise WrongFolderError(
            f"Spark cannot read {masked(url)}: name a folder that all executors see, or a URL with "
            f"{', '.join(f'{known}://' for known in sorted(_SCHEMES))}"
        )
    return f"{_SCHEMES[scheme]}://{_escaped(rest.rstrip('/'))}"


def _escaped(path: str) -> str:
    """The path without wildcards: Spark reads patterns."""
    return "".join(f"\\{letter}" if letter in "{}[]*?\\" else letter for letter in path)
