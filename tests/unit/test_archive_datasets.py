"""What an archive has: a dataset for each table that is not made again from the events."""

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary

from infra.archive.dataset import DELETED, Dataset, Kind, Type
from infra.archive.datasets import DATASETS, NOT_ARCHIVED
from infra.archive.partitions import Partition, bucket_of, is_written_by_runs, path_of
from infra.store.archived_tables import ARCHIVED_TABLES
from infra.store.exchange_rates import exchange_rates
from infra.store.keys import api_keys
from infra.store.pauses import pauses
from infra.store.projected.failures import projection_failures
from infra.store.projected.tables import projection_positions
from infra.store.pruned import pruned_streams
from infra.store.reactions.failures import reaction_failures
from infra.store.reactions.tables import derived_messages
from infra.store.register.tables import register_metadata
from projections.views.business_months import business_month_starts
from projections.views.columns import Instant, Rate

TABLES = {table.name: table for table in (*register_metadata.tables.values(), business_month_starts)}
DECLARED_ELSEWHERE = (
    exchange_rates,
    api_keys,
    pauses,
    projection_failures,
    projection_positions,
    pruned_streams,
    reaction_failures,
    derived_messages,
)
"""Imported, so that they are in the metadata."""


def test_every_table_of_a_store_is_archived_or_made_again() -> None:
    assert set(TABLES) == (set(DATASETS) - {"events"}) | set(NOT_ARCHIVED)
    assert {table.name for table in DECLARED_ELSEWHERE} <= set(DATASETS) | set(NOT_ARCHIVED)


def test_every_dataset_can_be_restored() -> None:
    assert set(ARCHIVED_TABLES) | {"events"} == set(DATASETS)


@pytest.mark.parametrize(
    "dataset", [one for one in DATASETS.values() if one.name != "events"], ids=lambda one: one.name
)
def test_a_dataset_has_the_columns_of_its_table(dataset: Dataset) -> None:
    table = TABLES[dataset.name]
    assert sorted(name for name in dataset.names if name != DELETED) == sorted(column.name for column in table.columns)
    for column in dataset.columns:
        if column.name == DELETED:
            continue
        stored = table.c[column.name]
        assert column.type == _type_of(stored.type), column.name
        may_be_deleted = DELETED in dataset.names and column.name not in dataset.key
        assert column.nullable == (stored.nullable or may_be_deleted), column.name
    if dataset.kind is not Kind.APPENDED:
        assert dataset.key == tuple(column.name for column in table.primary_key)


def _type_of(stored: object) -> str:
    match stored:
        case Instant():
            return Type.INSTANT
        case Rate():
            return Type.RATE
        case Boolean():
            return Type.BOOLEAN
        case Integer() | BigInteger():
            return Type.WHOLE
        case LargeBinary():
            return Type.BYTES
        case _:
            return Type.TEXT


def test_a_stream_is_in_the_same_bucket_on_every_machine() -> None:
    assert bucket_of("order-SO-10248", 16) == 6
    assert bucket_of("order-Ø-1", 16) == 1


def test_files_of_runs_are_known_by_their_names() -> None:
    path = path_of("events", Partition("2026-11", 3), "000012-0a1b2c3d", 7)
    assert path == "events/recorded=2026-11/bucket=03/000012-0a1b2c3d-7.parquet"
    assert is_written_by_runs(path)
    assert is_written_by_runs(path_of("feeds", Partition(), "000001-00000000", 1))
    assert not is_written_by_runs("events/notes.parquet")
