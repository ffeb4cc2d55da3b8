"""Answers of an archive on Spark beside those of the store that was archived."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.app.container import Waybill
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.queries.views import Asked
from infra.spark.archived_rows import ArchivedRows
from infra.spark.executors.answers import FailedGroup
from infra.spark.questions import reading_archive
from projections.views.catalogue import VIEWS, View
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view, workload_view

ALL: Mapping[str, View] = {
    **{view.relation: view for view in VIEWS},
    "rep_scorecard by team with contacts": scorecard_view(Grouping.TEAM, contacts=True),
    "rep_workload with contacts": workload_view(contacts=True),
}
"""Every view, and the variants that read more."""

Rows = list[dict[str, Any]]


def of_archive(
    spark: Any, folder: Path, asked: Asked, now: datetime, views: Mapping[str, View] = ALL, partitions: int = 2
) -> tuple[dict[str, Rows], Sequence[FailedGroup]]:
    """The rows of these views in their order, from one settling; and what failed."""
    archive = ArchivedRows(spark, str(folder), read_manifest(ArchiveFolder(str(folder))))
    with reading_archive(archive, list(views.values()), asked, now, partitions) as reading:
        found = {name: reading.stream(view) for name, view in views.items()}
        rows = {
            name: [dict(zip(answer.columns, row, strict=True)) for batch in answer.batches() for row in batch]
            for name, answer in found.items()
        }
        return rows, reading.failed


def of_store(waybill: Waybill, asked: Asked, views: Mapping[str, View] = ALL) -> dict[str, Rows]:
    """The same of the store, by its clock."""
    return {name: [dict(row) for row in waybill.views.ask(view, asked).rows] for name, view in views.items()}
