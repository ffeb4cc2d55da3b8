"""given rows that an engine made of a store's archive, when they are loaded, then the views are as from the events."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildStoppedError, UnfitRowsError
from infra.app.rebuild.filled_pages import filled_pages
from infra.app.rebuild.rebuild import Rebuild, Rebuilt
from infra.app.rebuild.standing import RebuildStandings
from infra.app.restore.plan import plan_restore
from infra.app.restore.restore import restore_store
from infra.app.verify import verify_store
from infra.signals.readings import read_store
from infra.store.operator_log import Who
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.tables import projection_builds
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.rebuild import RebuildProgress
from projections.shipments import SHIPMENTS
from tests.integration.messages import cancelled, line, placed
from tests.rows_folders import folder_of_rows, opened, rewrite
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in, up_to_date
from tests.stores.test_rebuild_processes import index_names, rows_in_use

ANN = Who("ann", "made on a cluster")


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with up_to_date(new_store()) as waybill:
        yield waybill


@pytest.fixture
def in_a_file(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    """The same, for what does not depend on the database."""
    with up_to_date(sqlite_store()) as waybill:
        yield waybill


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are a transaction, so that there is much in between."""
    monkeypatch.setattr("infra.app.rebuild.load.ROWS_AT_ONCE", 15)
    monkeypatch.setattr("infra.app.rebuild.load.ROWS_AT_ONCE_WITH_ONE_WRITER", 15)


def loaded(waybill: Waybill, folder: Path, *projections: Projection, anew: bool = False, **how: Any) -> list[Rebuilt]:
    return Rebuild(waybill, ANN, rows=opened(folder), **how).run(projections or PROJECTIONS, anew=anew)


def is_clean(waybill: Waybill) -> bool:
    waybill.project()
    return not any(found.differs for found in diff_projections(waybill, PROJECTIONS))


def interrupted(waybill: Waybill, folder: Path, pages: int) -> int:
    """A load that is interrupted after some pages; returns how many rows were loaded then."""
    done: list[int] = []

    def interrupt(told: RebuildProgress) -> None:
        if told.part == "loading":
            done.append(told.done)
        if len(done) == pages:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loaded(waybill, folder, tell=interrupt)
    return done[-1]


def test_the_loaded_rows_and_totals_are_those_of_the_events(waybill: Waybill, tmp_path: Path) -> None:
    before, head = rows_in_use(waybill), waybill.history.head()
    folder = folder_of_rows(waybill, tmp_path / "rows")

    done = loaded(waybill, folder)

    assert [(each.build, each.position) for each in done] == [(1, head)] * len(PROJECTIONS)
    assert rows_in_use(waybill) == before
    assert is_clean(waybill) and not verify_store(waybill).findings
    for projection in PROJECTIONS:
        assert index_names(waybill, projection, 1) == index_names(waybill, projection, 0)


def test_what_came_since_the_rows_were_made_is_caught_up_with(waybill: Waybill, tmp_path: Path) -> None:
    folder = folder_of_rows(waybill, tmp_path / "rows")
    take_in(waybill, floor(24)[-60:], name="more")
    waybill.project()
    before = rows_in_use(waybill)

    loaded(waybill, folder)

    assert rows_in_use(waybill) == before
    take_in(waybill, floor(30)[-60:], name="still more")
    assert is_clean(waybill)


@pytest.mark.usefixtures("small_pages")
def test_writers_and_the_projector_go_on_meanwhile(waybill: Waybill, tmp_path: Path) -> None:
    folder = folder_of_rows(waybill, tmp_path / "rows")
    more = iter(floor(24)[-60:])

    def one_comes(told: RebuildProgress) -> None:
        if told.part == "loading" and (comes := next(more, None)) is not None:
            take_in(waybill, [comes], name=f"more {told.done}")
            waybill.project()

    loaded(waybill, folder, tell=one_comes)

    assert waybill.history.head() > opened(folder).manifest.position + 20
    assert is_clean(waybill)


@pytest.mark.postgres
def test_a_restored_store_whose_events_were_never_projected_is_filled_with_rows_of_another_kind_of_store(
    sqlite_store: StoreUrl, postgres_store: StoreUrl, tmp_path: Path
) -> None:
    with up_to_date(sqlite_store()) as lost:
        archive_store(lost, str(tmp_path / "archive"))
        folder, expected = folder_of_rows(lost, tmp_path / "rows"), rows_in_use(lost)
    settings = in_small_batches(postgres_store())
    restore_store(settings, plan_restore(settings, str(tmp_path / "archive")), project=False)
    with Waybill(settings) as restored:
        assert not any(rows_in_use(restored).values())

        loaded(restored, folder)

        assert rows_in_use(restored) == expected
        assert is_clean(restored)


def test_texts_amounts_and_instants_are_loaded_as_they_are(new_store: StoreUrl, tmp_path: Path) -> None:
    odd = [
        'a "b", c',
        "\\.",
        "\\N",
        "NULL",
        "ends with \\",
        "'; DROP TABLE orders",
        "zwölf 🚚 \u2028",
        " ",
        "é, è;\ttab",
    ]
    told = []
    for number, text in enumerate(odd):
        first, last = "0001-01-02T00:00:00.000001Z", "9999-12-30T23:59:59.999999Z"
        lines = [
            line(1, quantity="1.50", unit_price="0.000001"),
            line(2, quantity="999999999999999.999999", unit_price="3"),
            line(3, quantity=10, unit_price="100.0"),
            {**line(4, quantity="2.50", unit_price="-1.250"), "kind": "charge"},
        ]
        told += [placed(f"SO-{number}", first, last, *lines, reference=text)]
        told += [cancelled(f"SO-{number}", "2024-02-29T23:59:59.5+14:00")]
    told[-1]["data"]["reason"] = "first line\nsecond\r\n\\.\nlast"
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, [json.dumps(each).encode() for each in told])
        waybill.project()
        before = rows_in_use(waybill)
        assert "'1.50'" in before["order_line_periods"][0] and "'0.000001'" in str(before["order_line_periods"])

        loaded(waybill, folder_of_rows(waybill, tmp_path / "rows"))

        assert rows_in_use(waybill) == before


def test_without_their_places_amounts_have_the_same_values(in_a_file: Waybill, tmp_path: Path) -> None:
    loaded(in_a_file, folder_of_rows(in_a_file, tmp_path / "rows", places=False))

    assert is_clean(in_a_file)


@pytest.mark.usefixtures("small_pages")
def test_interrupted_it_continues_where_it_was(waybill: Waybill, tmp_path: Path) -> None:
    before, folder = rows_in_use(waybill), folder_of_rows(waybill, tmp_path / "rows")
    first = interrupted(waybill, folder, pages=3)
    assert rows_in_use(waybill) == before
    second = interrupted(waybill, folder, pages=4)
    told: list[RebuildProgress] = []

    done = loaded(waybill, folder, tell=told.append)

    assert 0 < first < second
    loading = [each for each in told if each.part == "loading"]
    assert second < loading[0].done <= second + 15 and loading[-1].done == loading[-1].total
    assert {each.build for each in done} == {1}
    assert rows_in_use(waybill) == before
    assert is_clean(waybill)


@pytest.mark.usefixtures("small_pages")
def test_an_interrupted_load_is_told_and_not_continued_from_the_events(in_a_file: Waybill, tmp_path: Path) -> None:
    before, folder = rows_in_use(in_a_file), folder_of_rows(in_a_file, tmp_path / "rows")
    rows = interrupted(in_a_file, folder, pages=3)

    told = {each.name: each for each in RebuildStandings(in_a_file)()}
    assert (told[ORDER_STATES.name].part, told[ORDER_STATES.name].done) == ("loading", rows)
    ratios = {
        each.labels[0]: each.value
        for each in read_store(in_a_file, {}).samples
        if each.name == "waybill_rebuild_filled_ratio"
    }
    assert 0 < ratios[ORDER_STATES.name] < 1 and ratios[SHIPMENTS.name] == 0
    with pytest.raises(UnfitRowsError, match=r"order_states from a folder of rows was interrupted.*--from.*--anew"):
        Rebuild(in_a_file, ANN).run(PROJECTIONS)
    other = folder_of_rows(in_a_file, tmp_path / "other")
    with pytest.raises(UnfitRowsError, match=r"order_states from another folder was interrupted.*--anew"):
        loaded(in_a_file, other)

    loaded(in_a_file, other, anew=True)

    assert rows_in_use(in_a_file) == before
    assert is_clean(in_a_file)


def test_a_rebuild_from_the_events_is_not_continued_from_a_folder(in_a_file: Waybill, tmp_path: Path) -> None:
    before, folder = rows_in_use(in_a_file), folder_of_rows(in_a_file, tmp_path / "rows")

    def interrupt(told: RebuildProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rebuild(in_a_file, ANN, tell=interrupt).run([SHIPMENTS])

    with pytest.raises(UnfitRowsError, match=r"shipments from its events was interrupted"):
        loaded(in_a_file, folder)
    Rebuild(in_a_file, ANN).run([SHIPMENTS])
    loaded(in_a_file, folder)
    assert rows_in_use(in_a_file) == before


@pytest.mark.usefixtures("small_pages")
def test_code_of_an_earlier_release_that_goes_on_with_a_load_stops_and_changes_nothing(
    waybill: Waybill, tmp_path: Path
) -> None:
    before, folder = rows_in_use(waybill), folder_of_rows(waybill, tmp_path / "rows")
    interrupted(waybill, folder, pages=1)
    builds = ProjectionBuilds(waybill.engine, waybill.clock)

    # It takes the cursor for the name of a stream.
    with pytest.raises(RebuildStoppedError, match="order_states: "):
        list(filled_pages(waybill, Advance(waybill, builds), builds.begun([ORDER_STATES]), None, 1_000))

    assert rows_in_use(waybill) == before
    loaded(waybill, folder)
    assert rows_in_use(waybill) == before


def test_a_row_that_comes_twice_is_refused_by_the_store(waybill: Waybill, tmp_path: Path) -> None:
    before, folder = rows_in_use(waybill), folder_of_rows(waybill, tmp_path / "rows")
    rewrite(folder, "shipment_periods", lambda table: table.slice(0, 1), twice=True)

    with pytest.raises(UnfitRowsError, match=r"the store refuses rows of shipment_periods .*Nothing has changed"):
        loaded(waybill, folder)

    assert rows_in_use(waybill) == before
    assert is_clean(waybill)


def test_one_projection_of_a_folder_is_loaded_alone(in_a_file: Waybill, tmp_path: Path) -> None:
    before, folder = rows_in_use(in_a_file), folder_of_rows(in_a_file, tmp_path / "rows")

    (done,) = loaded(in_a_file, folder, SHIPMENTS)

    assert done.projection == SHIPMENTS.name
    assert rows_in_use(in_a_file) == before
    with in_a_file.engine.connect() as connection:
        assert [row.served for row in connection.execute(select(projection_builds))] == [True]


@pytest.mark.postgres
def test_a_text_that_the_database_cannot_hold_is_refused(postgres_store: StoreUrl, tmp_path: Path) -> None:
    with up_to_date(postgres_store()) as waybill:
        before, folder = rows_in_use(waybill), folder_of_rows(waybill, tmp_path / "rows")
        rewrite(folder, "order_states", with_a_null_byte)

        with pytest.raises(UnfitRowsError, match=r"refuses rows of order_states .*0x00.*Nothing has changed"):
            loaded(waybill, folder)

        assert rows_in_use(waybill) == before


def with_a_null_byte(table: Any) -> Any:
    index = table.schema.get_field_index("stage")
    stages = ["to\0book", *table.column(index).to_pylist()[1:]]
    return table.set_column(index, table.schema.field(index), [stages])
