"""What an archive says, put together as docs/archive.md tells its readers, and what the store says."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from domain.fact import Fact
from infra.app.container import Waybill
from infra.archive.dataset import DELETED, Dataset, Kind
from infra.archive.datasets import DATASETS, EVENTS
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import Manifest
from infra.archive.reading import batches_of_file
from infra.store.register.tables import register_metadata

Rows = Mapping[tuple[Any, ...], tuple[Any, ...]]
"""Rows by their keys."""


def manifest_of(url: str) -> Manifest:
    return read_manifest(ArchiveFolder(url))


def archived(url: str) -> Mapping[str, Rows]:
    """The rows of each dataset that count."""
    folder = ArchiveFolder(url)
    manifest = read_manifest(folder)
    return {name: _rows(folder, manifest, dataset) for name, dataset in DATASETS.items()}


def _rows(folder: ArchiveFolder, manifest: Manifest, dataset: Dataset) -> Rows:
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    key = _key(dataset)
    for file in sorted(manifest.files(dataset.name), key=lambda file: file.run):
        of_run: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for batch in batches_of_file(folder, file):
            for row in batch.to_pylist():
                values = tuple(row[name] for name in dataset.names)
                place = tuple(row[name] for name in key)
                assert dataset.kind is Kind.CHANGED or place not in found, f"{place} is twice in {dataset.name}"
                assert of_run.get(place, values) == values, f"{place} is twice in one run, and differs"
                found[place] = of_run[place] = values
    if DELETED in dataset.names:
        found = {place: row[:-1] for place, row in found.items() if not row[-1]}
    return found


def _key(dataset: Dataset) -> tuple[str, ...]:
    return dataset.key or (dataset.position or "",)


def stored(waybill: Waybill) -> Mapping[str, Rows]:
    """The same, as the store's tables and its history have it."""
    found: dict[str, Rows] = {}
    with waybill.engine.connect() as connection:
        for name, dataset in DATASETS.items():
            if dataset is EVENTS:
                continue
            table = register_metadata.tables[name]
            names = [column for column in dataset.names if column != DELETED]
            key = [names.index(column) for column in _key(dataset)]
            rows = connection.execute(select(*(table.c[column] for column in names)))
            found[name] = {tuple(row[place] for place in key): tuple(row) for row in rows}
    return {**found, EVENTS.name: _events(waybill)}


def _events(waybill: Waybill) -> Rows:
    table, position = waybill.backend.events_table, waybill.backend.position
    with waybill.engine.connect() as connection:
        raw = {
            row[0]: (row[1], bytes(row[2]).decode())
            for row in connection.exec_driver_sql(f"SELECT {position}, topic, state FROM {table}")
        }
    found = {}
    for place, event in waybill.history.after(0, 1_000_000):
        fact = event if isinstance(event, Fact) else None
        found[place,] = (
            place,
            event.originator_id,
            event.originator_version,
            *raw[place],
            fact and fact.TYPE,
            fact and fact.occurred_at,
            event.recorded_at,
            event.source,
            event.message_id,
            fact and fact.correlation_id,
            fact and fact.causation_id,
        )
    return found
