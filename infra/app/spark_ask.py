"""A question to an archive, answered on Spark: the rows that the store would give, by both clocks.

See docs/spark.md, and docs/decisions/034-spark.md.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.rules_version import RULES_VERSION
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import Manifest, NewerArchiveError
from infra.queries.views import Answer, Asked, answer_of
from infra.spark.archived_events import partitions_for
from infra.spark.archived_rows import ArchivedRows
from infra.spark.executors.answers import FailedGroup
from infra.spark.progress import TaskProgress, tell_nobody, watched
from infra.spark.questions import reading_archive
from infra.spark.session import spark_session
from projections.views.catalogue import View

NAME = "waybill spark ask"


class ArchiveToAsk(NamedTuple):
    """An archive at a folder or URL, as of its manifest, whose settings decide: time zone and clock skew."""

    url: str
    manifest: Manifest


class ArchiveAnswer(NamedTuple):
    """The answer, and the streams whose rows it lacks because they could not be settled."""

    answer: Answer
    failed: Sequence[FailedGroup]


def archive_to_ask(url: str) -> ArchiveToAsk:
    """The archive. Raises NoArchiveError, NewerArchiveError, WrongFolderError and OSError."""
    manifest = read_manifest(ArchiveFolder(url))
    if manifest.rules_version > RULES_VERSION:
        raise NewerArchiveError(
            f"the archive follows rules of version {manifest.rules_version}, and this waybill knows {RULES_VERSION}: "
            f"use waybill {manifest.waybill} or newer"
        )
    return ArchiveToAsk(url, manifest)


def spark_ask(
    archive: ArchiveToAsk,
    view: View,
    asked: Asked,
    filters: Mapping[str, str] | None = None,
    limit: int | None = None,
    *,
    clock: Callable[[], datetime],
    master: str | None = None,
    options: Mapping[str, str] | None = None,
    partitions: int | None = None,
    tell: Callable[[TaskProgress], None] = tell_nobody,
) -> ArchiveAnswer:
    """The view's answer by these clocks, with the first `limit` rows or all, and the number of all rows.

    `filters` selects rows with these values. Raises WrongFolderError, OSError, and what `spark_session` raises.
    """
    with spark_session(NAME, master, options) as session, watched(session, archive.url, archive.manifest.events, tell):
        number = partitions or partitions_for(archive.manifest.events, session.sparkContext.defaultParallelism)
        archived = ArchivedRows(session, archive.url, archive.manifest)
        with reading_archive(archived, [view], asked, clock(), number) as reading:
            return ArchiveAnswer(answer_of(reading.stream(view, filters), limit, counted=True), reading.failed)
