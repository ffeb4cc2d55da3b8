"""A store with orders that were closed long ago, its archive, and the rows of that: what a prune needs."""

import json
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from consumers.sources.json_lines import JsonLines
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.rows_folder import read_rows_manifest, write_rows_manifest
from tests.integration.messages import booked, confirmed, placed
from tests.rows_folders import folder_of_rows

PLACED, ESTIMATE, PROMISE = "2025-03-03T09:00:00Z", "2025-03-04T09:00:00Z", "2025-03-10T16:00:00Z"
CLOSED = "2025-03-05T09:00:00Z"
BEFORE = "2025-06-01"
RECORDED = {"recordedtime": "2025-03-06T09:00:00Z"}


def closed_order(order_id: str) -> list[dict[str, Any]]:
    """The messages of an order that was delivered in time."""
    said = placed(order_id, PLACED, PROMISE), booked(order_id, PLACED, ESTIMATE), confirmed(order_id, CLOSED)
    return [{**message, **RECORDED} for message in said]


def open_order(order_id: str) -> dict[str, Any]:
    """The message of an order that stays open. It comes last: the archive recognises the store by its newest event."""
    return {**placed(order_id, PLACED, PROMISE), **RECORDED}


def take_history(waybill: Waybill, *messages: dict[str, Any]) -> None:
    """Take messages in as they were recorded, and let reactors and views follow."""
    lines = [json.dumps(message).encode() for message in messages]
    source = JsonLines.of_one_batch("history", lines)
    with ingest_source(waybill, source, honour_recordedtime=True, project=False):
        pass
    waybill.react(Event(), once=True)
    waybill.project()


def archive_with_rows(waybill: Waybill, archive: Path) -> None:
    """Archive the store, and write the rows of it to the folder `rows` of the archive's, as Spark does."""
    archive_store(waybill, str(archive))
    rows = ArchiveFolder(str(folder_of_rows(waybill, archive / "rows")))
    archive_id = read_manifest(ArchiveFolder(str(archive))).archive_id
    write_rows_manifest(rows, msgspec.structs.replace(read_rows_manifest(rows), archive_id=archive_id))
