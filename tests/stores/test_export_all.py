"""given a floor, when every relation is exported, then a folder has them all from one snapshot, or stays as it was."""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.export import MANIFEST, ForeignFilesError, export_all, export_rows, relation_named
from infra.export import whole_folder
from infra.queries.exported import Exported, exported_relations
from infra.queries.views import Asked
from infra.settings import Settings
from infra.sql_views.relations import relations
from infra.sql_views.upkeep import define_relations
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, view_named
from tests.integration.command import KILLED, Command
from tests.integration.messages import placed
from tests.simulated_store import FLOOR_ENDS, fill_with_floor
from tests.stores.conftest import StoreUrl

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text("utf-8")
T = datetime(2026, 6, 10, 12, tzinfo=UTC)
KNOWN = datetime(2026, 6, 20, 12, tzinfo=UTC)
SOME = ("overdue_deliveries", "order_states", "rep_scorecard", "unmatched_parcels")
CLOCKS = {Asked(): None, Asked(T, KNOWN): None, Asked(T): SOME, Asked(None, KNOWN): SOME}
"""By which clocks to export, and of which views to look at the rows; None: of all."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def floor(request: pytest.FixtureRequest) -> Iterator[Waybill]:
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    with Waybill(Settings(store=made()), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 30, wrong=0.1)
        yield waybill


def rows_of(folder: Path, relation: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(folder / f"{relation}.parquet").to_pylist()
    return rows


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return found


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_folder_has_every_relation_by_every_pair_of_clocks(floor: Waybill, tmp_path: Path) -> None:
    for number, (asked, some) in enumerate(CLOCKS.items()):
        folder = tmp_path / f"export-{number}"
        # when
        report = export_all(floor, folder, asked, ".parquet")
        # then each view has the rows of its answer
        for view in (*VIEWS, ALL_ORDER_STATES):
            if some is None or view.relation in some:
                said = [dict(row) for row in floor.views.ask(view, asked).rows]
                assert rows_of(folder, view.relation) == said, (view.relation, asked)
        # and so has the file of a relation alone
        for name in ("order_timeline", "contacts", "follow_up_periods", "matched_scans", "untaken_messages"):
            export_rows(floor, relation_named(floor.exports.relations, name), tmp_path / "alone.parquet", asked)
            alone = pyarrow.parquet.read_table(tmp_path / "alone.parquet").to_pylist()
            assert rows_of(folder, name) == alone, (name, asked)
        # and the manifest describes the files
        manifest = manifest_of(folder)
        assert manifest["position"] == report.position == floor.history.head()
        assert {file["position"] for file in manifest["files"]} == {report.position}
        described = {file["file"]: file for file in manifest["files"]}
        assert digests(folder).keys() == {MANIFEST, *described}
        for name, file in described.items():
            written = pyarrow.parquet.ParquetFile(folder / name)
            assert (file["rows"], file["bytes"]) == (written.metadata.num_rows, (folder / name).stat().st_size)
            assert file["sha256"] == digests(folder)[name]
            assert [column["name"] for column in file["columns"]] == written.schema_arrow.names
            assert all(column["meaning"] for column in file["columns"]), name
            assert {*file["key"]} <= {column["name"] for column in file["columns"]}
            assert file["description"]


def test_the_rows_behind_the_views_are_those_of_plain_sql(floor: Waybill) -> None:
    define_relations(floor.backend, floor.hold, floor.settings.time_zone)
    schema = "waybill." if floor.engine.dialect.name == "postgresql" else ""
    for relation in floor.exports.relations:
        if relation.rows_behind:
            with floor.exports.reading([relation], Asked()) as reader:
                exported = reader.answer(relation, None).count()
            with floor.engine.connect() as connection:
                queried = connection.exec_driver_sql(f"SELECT count(*) FROM {schema}{relation.relation}").scalar_one()
            assert exported == queried, relation.relation


def test_at_an_instant_the_rows_behind_the_views_are_those_of_then(floor: Waybill) -> None:
    def found(name: str, asked: Asked) -> list[dict[str, Any]]:
        relation = relation_named(floor.exports.relations, name)
        with floor.exports.reading([relation], asked) as reader:
            answer = reader.answer(relation, None)
            return [dict(zip(answer.columns, row, strict=True)) for batch in answer.batches() for row in batch]

    contacts = found("contacts", Asked())
    assert found("contacts", Asked(T)) == [row for row in contacts if row["contacted_at"] <= T] != contacts
    shipments = found("shipment_periods", Asked())
    assert found("shipment-periods", Asked(T)) == [
        row for row in shipments if row["valid_from"] <= T and (row["valid_to"] is None or row["valid_to"] > T)
    ]
    # what was not known yet is not there
    assert len(found("contacts", Asked(known_at=KNOWN))) < len(contacts)
    untaken = found("untaken_messages", Asked())
    assert [row for row in untaken if row["occurred_at"] <= T] == found("untaken_messages", Asked(T)) != untaken
    by_then = found("untaken_messages", Asked(known_at=KNOWN))
    at_t = [row for row in by_then if row["occurred_at"] <= T]
    assert at_t == found("untaken_messages", Asked(T, KNOWN)) != by_then


def test_the_timelines_of_all_orders_are_those_of_each(floor: Waybill, tmp_path: Path) -> None:
    timeline = relation_named(floor.exports.relations, "order-timeline")
    order_ids = [row["order_id"] for row in floor.views.ask(view_named("orders"), Asked()).rows]
    for asked in (Asked(), Asked(T, KNOWN)):
        path = tmp_path / "timeline.parquet"
        export_rows(floor, timeline, path, asked)
        exported = pyarrow.parquet.read_table(path).to_pylist()
        entries = [
            {"order_id": order_id, **entry._asdict()}
            for order_id in order_ids
            if (answer := floor.orders.order(order_id, floor.clock(), asked.as_of, asked.known_at)) is not None
            for entry in answer.timeline
        ]
        placed = [row for row in exported if row["order_id"] in set(order_ids)]  # others wait to be placed
        assert placed == entries
        assert len(entries) > 50
        assert all(column.doc for column in timeline.columns)


def test_every_relation_of_the_schema_and_of_the_page_can_be_exported() -> None:
    hold = timedelta(hours=72)
    known = [one.relation for one in exported_relations(hold)]
    assert sorted(known) == sorted([*(relation.name for relation in relations(hold)), "order_timeline"])
    table = PAGE.split("| relation | one row per |")[1].split("\n\n")[0]
    documented = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert sorted([*documented, "order_timeline"]) == sorted(known)


# The folder belongs to the export.


@pytest.fixture
def store(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=sqlite_store())) as waybill:
        yield waybill


class BreaksOff(Exception):
    """The export stops in the middle."""


def break_off(relation: Exported, _: int) -> None:
    if relation.relation == "orders":
        raise BreaksOff


def take_in_an_order(waybill: Waybill) -> None:
    line = json.dumps(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z")).encode()
    waybill.ingest().read(JsonLines.of_bytes("one", line))
    waybill.project()


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_new_set_takes_the_place_of_the_old_one(
    store: Waybill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:  # as on a file system that cannot
        monkeypatch.setattr(whole_folder, "_exchanged", lambda part, folder: False)
    folder = tmp_path / "export"
    export_all(store, folder, Asked(), ".csv")
    folder.chmod(0o750)
    take_in_an_order(store)

    export_all(store, folder, Asked(), ".parquet")

    assert (folder / "orders.parquet").exists() and not list(folder.glob("*.csv"))
    assert [row["order_id"] for row in rows_of(folder, "orders")] == ["SO-1"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
    assert folder.stat().st_mode & 0o777 == 0o750


def test_what_breaks_off_leaves_the_old_set(store: Waybill, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export_all(store, folder, Asked(), ".jsonl")
    before = digests(folder)
    take_in_an_order(store)

    with pytest.raises(BreaksOff):
        export_all(store, folder, Asked(), ".jsonl", break_off)

    assert digests(folder) == before
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_folder_with_foreign_files_is_left_alone(store: Waybill, tmp_path: Path, when: str) -> None:
    take_in_an_order(store)
    folder = tmp_path / "export"
    export_all(store, folder, Asked(), ".csv")
    before = digests(folder)

    def write_notes(*_: Any) -> None:
        (folder / "notes.txt").write_text("mine")

    if when == "before":
        write_notes()
    with pytest.raises(ForeignFilesError, match=r"notes\.txt, which no export wrote"):
        export_all(store, folder, Asked(), ".csv", write_notes)

    assert digests(folder) == before | {"notes.txt": hashlib.sha256(b"mine").hexdigest()}


# The command itself.


def test_kill_9_leaves_the_old_set_and_the_next_run_clears_up(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"))
    folder = waybill.folder / "export"
    done = waybill("export", "--all", "export").done()
    assert "files of export, as of" in done.text
    before = digests(folder)
    # when it is killed while it writes
    running = waybill.start("export", "--all", "export")
    while not (left := list(waybill.folder.glob(".export.*.part/*.parquet"))):
        assert running.is_alive()
        time.sleep(0.002)
    running.kill()
    assert running.wait().code == KILLED
    # then
    assert digests(folder) == before
    assert left
    waybill("export", "--all", "export", "--format", "csv").done()
    assert (folder / "overdue_deliveries.csv").exists()
    assert not list(waybill.folder.glob(".export.*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("overdue", "--all", "export"), "leave out NAME and --to"),
        (("--all", "export", "--rep", "rep-1"), "not every relation has a rep"),
        (("--all", "nowhere/export"), "the folder nowhere does not exist"),
        (("--all", "."), "notes.txt, which no export wrote"),
        ((), "name a relation, or write them all with --all DIR"),
        (("overdue",), "name the file, such as --to overdue.parquet"),
        (("contacts", "--to", "contacts.csv", "--format", "csv"), "--format is for --all"),
        (("order_lines", "--to", "lines.csv", "--rep", "rep-1"), "order_lines has no rep_id column"),
    ],
)
def test_wrong_usage_of_export_names_the_fix(waybill: Command, arguments: tuple[str, ...], said: str) -> None:
    (waybill.folder / "notes.txt").write_text("mine")
    waybill("export", *arguments).exited(2, said)
    assert [path.name for path in waybill.folder.iterdir()] == ["notes.txt"]
