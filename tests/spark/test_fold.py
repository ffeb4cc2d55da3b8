"""The fold of a partition, as executors run it, without Spark."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from infra.app.container import Waybill
from infra.archive.folder import ArchiveFolder
from infra.settings import Settings
from infra.spark.executors.rows import FAILED, FILE, TOTAL, Reported, fold_partition
from infra.spark.executors.streams import COLUMNS, ArchivedStream, StoredEvent, streams_in
from projections.catalogue import PROJECTIONS
from projections.order_lines import ORDER_LINES
from projections.order_states import ORDER_STATES
from projections.projection import Projection, Settled
from tests.simulated_store import fill_with_floor
from tests.spark.archives import stored_events


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[StoredEvent]:
    """The events of a small floor, by stream and version."""
    with Waybill(Settings(store=f"sqlite:///{tmp_path_factory.mktemp('floor')}/waybill.db")) as waybill:
        fill_with_floor(waybill, 40)
        return sorted(stored_events(waybill))


def batches_of(events: list[StoredEvent], size: int) -> Iterator[Any]:
    for start in range(0, len(events), size):
        columns = zip(*events[start : start + size], strict=True)
        yield pyarrow.record_batch([pyarrow.array(column) for column in columns], names=list(COLUMNS))


def fold(
    streams: list[ArchivedStream], folder: Path, projections: tuple[Projection, ...] = PROJECTIONS
) -> list[Reported]:
    return fold_partition(streams, projections, ArchiveFolder(str(folder)), 0, "00000")


def of_what(report: list[Reported], what: str) -> list[Reported]:
    return [line for line in report if line.what == what]


@pytest.mark.parametrize("size", [1, 2, 7, 1_000_000])
def test_a_stream_may_span_any_number_of_batches(events: list[StoredEvent], size: int) -> None:
    streams = list(streams_in(batches_of(events, size)))
    assert [stream.name for stream in streams] == sorted({event[0] for event in events})
    assert [event for stream in streams for event in stream.events] == events


def test_no_batches_are_no_streams() -> None:
    assert list(streams_in([])) == []


def test_an_empty_batch_ends_no_stream(events: list[StoredEvent]) -> None:
    first, second = batches_of(events[:2], 1)
    whole = list(streams_in([first, first.slice(0, 0), second]))
    assert [event for stream in whole for event in stream.events] == events[:2]


def test_each_table_has_one_file_whose_rows_and_hash_are_reported(events: list[StoredEvent], tmp_path: Path) -> None:
    report = fold(list(streams_in(batches_of(events, 100))), tmp_path)
    files = of_what(report, FILE)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.parquet")) == sorted(
        f"{file.table}/part-00000.parquet" for file in files
    )
    for file in files:
        assert pyarrow.parquet.read_metadata(tmp_path / file.table / "part-00000.parquet").num_rows == file.value
        assert ArchiveFolder(str(tmp_path)).sha256(f"{file.table}/part-00000.parquet") in (file.detail or "")
    assert {line.table for line in of_what(report, TOTAL)} == {"rep_open_orders"}


@pytest.mark.parametrize("state", [b'{"recorded_at": 7}', b"[]", b"null", b"7", b'{"class_version":"x"}', b"", b"\xff"])
def test_an_event_that_cannot_be_read_fails_its_stream_alone_and_is_named_by_its_position(
    events: list[StoredEvent], tmp_path: Path, state: bytes
) -> None:
    streams = list(streams_in(batches_of(events, 100)))
    poison = next(number for number, one in enumerate(streams) if one.events[0][2] == "order.placed")
    stream, version, topic, _, position = streams[poison].events[0]
    spoiled = [*streams[poison].events]
    spoiled[0] = (stream, version, topic, state, position)
    without = fold([*streams[:poison], *streams[poison + 1 :]], tmp_path / "without")
    report = fold([*streams[:poison], ArchivedStream(stream, spoiled), *streams[poison + 1 :]], tmp_path / "with")
    (failed,) = of_what(report, FAILED)
    assert (failed.table, failed.key, failed.value) == ("", stream, position)
    assert f"event {version} of stream {stream}" in (failed.detail or "")
    assert [line[:5] for line in of_what(report, FILE)] == [line[:5] for line in of_what(without, FILE)]
    assert of_what(report, TOTAL) == of_what(without, TOTAL)


def test_a_name_that_is_no_stream_fails_alone(events: list[StoredEvent], tmp_path: Path) -> None:
    strange = ArchivedStream("planet-9", [("planet-9", 1, events[0][2], events[0][3], 77)])
    report = fold([strange, *streams_in(batches_of(events, 100))], tmp_path)
    (failed,) = of_what(report, FAILED)
    assert (failed.table, failed.key, failed.value) == ("", "planet-9", 77)


def test_a_projection_that_raises_fails_alone_and_the_event_at_fault_is_named(
    events: list[StoredEvent], tmp_path: Path
) -> None:
    streams = [stream for stream in streams_in(batches_of(events, 100)) if stream.name.startswith("order-")]
    chosen = max(streams, key=lambda stream: len(stream.events))
    third = chosen.decoded()[2]

    def raises(settled: Settled) -> Mapping[str, Any]:
        if third.key in settled.settling.outcomes:
            raise ZeroDivisionError("as a test wants")
        return ORDER_LINES.shape(settled)

    report = fold(streams, tmp_path, (ORDER_STATES, replace(ORDER_LINES, shape=raises)))
    (failed,) = of_what(report, FAILED)
    assert (failed.table, failed.key, failed.value) == ("order_lines", chosen.name, chosen.events[2][4])
    assert failed.detail == "ZeroDivisionError: as a test wants"
    states = pyarrow.parquet.read_table(tmp_path / "order_states/part-00000.parquet")
    assert chosen.name.removeprefix("order-") in states["order_id"].to_pylist()


@pytest.mark.parametrize("run", ["rows", "answers", "references"])
def test_executors_import_no_database(run: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import infra.spark.executors.{run}, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    own = {name for name in loaded if name.startswith("infra.store")}
    assert own == {"infra.store", "infra.store.events", "infra.store.events.codec"}
    assert {"alembic", "fastapi", "kafka", "psycopg", "pydantic", "sqlalchemy", "typer"}.isdisjoint(loaded)
