"""Archives of stores, and of events written by hand, for tests that read them on Spark."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pyarrow
import pyarrow.parquet

from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import FORMAT, ArchivedBooks, ArchivedDataset, ArchiveFile, Manifest, encode_manifest
from infra.spark.executors.streams import StoredEvent
from infra.store.events.codec import encode_event

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SCHEMA = pyarrow.schema(
    [
        ("position", pyarrow.int64()),
        ("stream", pyarrow.string()),
        ("version", pyarrow.int64()),
        ("topic", pyarrow.string()),
        ("state", pyarrow.string()),
        ("occurred_at", pyarrow.timestamp("us", "UTC")),
        ("recorded_at", pyarrow.timestamp("us", "UTC")),
    ]
)


class _Common(msgspec.Struct):
    recorded_at: datetime
    occurred_at: datetime | None = None


def stored_events(waybill: Waybill) -> list[StoredEvent]:
    """All events of a store."""
    return [
        (stream, each.event.originator_version, each.event.TOPIC, encode_event(each.event), each.position)
        for stream, events in waybill.history.whole_streams()
        for each in events
    ]


def archive_of_events(folder: Path, events: Sequence[StoredEvent], files: int = 3, **changed: Any) -> Manifest:
    """Write an archive that has these events in some files, and nothing else."""
    archive = ArchiveFolder(str(folder))
    written = []
    in_order = sorted(events, key=lambda event: event[4])
    for number in range(files):
        path = f"events/recorded=2026-06/bucket={number:02}/1-{number}.parquet"
        rows = [_row(event) for event in in_order[number::files]]
        file = archive.open_new(path)
        with pyarrow.parquet.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
            writer.write_batch(pyarrow.RecordBatch.from_pylist(rows, schema=SCHEMA))
        file.close()
        written.append(ArchiveFile(path, len(rows), file.bytes, file.sha256, 1))
    fields: dict[str, Any] = {
        "format": FORMAT,
        "schema_version": 1,
        "waybill": "0",
        "archive_id": str(uuid4()),
        "number": 1,
        "written_at": NOW,
        "store": "",
        "store_version": "r0018",
        "rules_version": RULES_VERSION,
        "time_zone": "UTC",
        "clock_skew_seconds": 3600.0,
        "buckets": files,
        "position": in_order[-1][4] if in_order else 0,
        "newest_notice": 0,
        "books": ArchivedBooks(0, 0, 0, 0, 0, 0),
        "partitions": (),
        "store_begun_at": None,
        "marks": (),
        "read_again": 0,
        "datasets": {"events": ArchivedDataset("events", (), len(events), written)},
    }
    manifest = Manifest(**(fields | changed))
    archive.write_last("manifest.json", encode_manifest(manifest))
    return manifest


def _row(event: StoredEvent) -> dict[str, Any]:
    stream, version, topic, state, position = event
    try:
        common = msgspec.json.decode(state, type=_Common)
    except msgspec.MsgspecError:
        common = _Common(NOW)
    return {
        "position": position,
        "stream": stream,
        "version": version,
        "topic": topic,
        "state": state.decode(),
        "occurred_at": common.occurred_at,
        "recorded_at": common.recorded_at,
    }
