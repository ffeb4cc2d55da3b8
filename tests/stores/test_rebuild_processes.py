"""given a store whose views are up to date, when several processes rebuild them, then all rows are as they were.

A process takes seconds to start, so what does not need several is shown with one that fills the parts one by one.
"""

import multiprocessing
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.checkpoint import CheckpointMovedError
from infra.app.container import Waybill
from infra.app.processes import processes_to_rebuild
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildStoppedError
from infra.app.rebuild.rebuild import Rebuild
from infra.app.rebuild.standing import RebuildStandings
from infra.app.verify import verify_store
from infra.signals.readings import read_store
from infra.store.events.ranges import StreamRange
from infra.store.operator_log import Who
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.indexes import make_indexes
from infra.store.projected.serving import live_versions
from infra.store.projected.tables import StoredVersion, projection_build_parts, stored_tables, tables_at
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES, order_states
from projections.projection import Projection
from projections.rebuild import RebuildProgress
from projections.shipments import SHIPMENTS
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in, up_to_date

ANN = Who("ann", "faster")
PARTS = [
    StreamRange("", "order-SO-100004"),
    StreamRange("order-SO-100004", "order-SO-100008"),
    StreamRange("order-SO-100008"),
]


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with up_to_date(new_store()) as waybill:
        yield waybill


@pytest.fixture
def in_a_file(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    """The same, for what does not depend on the database."""
    with up_to_date(sqlite_store()) as waybill:
        yield waybill


def rows_in_use(waybill: Waybill) -> Mapping[str, list[Any]]:
    """All rows of all tables of all projections."""
    found: dict[str, list[Any]] = {}
    with waybill.engine.connect() as connection:
        live = live_versions(connection, PROJECTIONS)
        for projection in PROJECTIONS:
            stored = StoredVersion(live[projection.name].version, live[projection.name].build)
            for declared, table in tables_at(projection, stored).items():
                found[declared.name] = sorted(repr(row._mapping) for row in connection.execute(select(table)))
    return found


INDEXES = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT tablename, indexname FROM pg_indexes WHERE indexname NOT LIKE '%_pkey'",
}
"""Those of expressions too, which SQLAlchemy's inspector leaves out."""


def index_names(waybill: Waybill, projection: Projection, build: int) -> set[str]:
    suffix = f"_b{build}" if build else ""
    tables = {table.name for table in stored_tables(projection, build).values()}
    with waybill.engine.connect() as connection:
        found = connection.execute(text(INDEXES[connection.dialect.name])).all()
    return {str(name).removesuffix(suffix) for table, name in found if table in tables}


def parts_left(waybill: Waybill) -> int:
    with waybill.engine.connect() as connection:
        return len(connection.execute(select(projection_build_parts)).all())


def in_parts(waybill: Waybill) -> list[Build]:
    """A rebuild that has been begun and cut, and filled nothing."""
    builds = ProjectionBuilds(waybill.engine, waybill.clock)
    return builds.cut(builds.begin(PROJECTIONS, waybill.history.head()), PARTS)


def interrupted(waybill: Waybill, pages: int, processes: int = 1) -> int:
    """A rebuild that is interrupted after some pages; returns how many events were filled then."""
    done: list[int] = []

    def interrupt(told: RebuildProgress) -> None:
        done.append(told.done)
        if len(done) == pages:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rebuild(waybill, ANN, processes=processes, tell=interrupt).run(PROJECTIONS)
    return done[-1]


def test_three_processes_make_the_rows_that_the_projector_made(in_a_file: Waybill) -> None:
    before, rate = rows_in_use(in_a_file), in_a_file.history.count_after(0) / 2
    told: list[RebuildProgress] = []
    told_at: list[float] = []

    def note(progress: RebuildProgress) -> None:
        told.append(progress)
        told_at.append(monotonic())

    done = Rebuild(in_a_file, ANN, processes=3, max_rate=rate, tell=note).run(PROJECTIONS)

    assert {each.build for each in done} == {1}
    assert rows_in_use(in_a_file) == before
    assert {each.part for each in told} == {"filling"}
    assert told[-1].done == told[-1].total
    # and the rate holds for all together, from the first page on: the start of processes counts as a pause before it
    assert monotonic() - told_at[0] >= (told[-1].total - told[0].done) / rate > 1
    assert parts_left(in_a_file) == 0
    assert multiprocessing.active_children() == []


def test_interrupted_it_continues_with_another_number_of_processes(waybill: Waybill) -> None:
    before = rows_in_use(waybill)
    first = interrupted(waybill, pages=2)
    second = interrupted(waybill, pages=2, processes=2)
    assert second > first > 0
    assert multiprocessing.active_children() == []
    assert rows_in_use(waybill) == before
    take_in(waybill, floor(24)[-60:], name="more")
    waybill.project()
    before = rows_in_use(waybill)

    Rebuild(waybill, ANN).run(PROJECTIONS)

    assert rows_in_use(waybill) == before
    assert verify_store(waybill).findings == []
    for projection in PROJECTIONS:
        assert index_names(waybill, projection, 1) == index_names(waybill, projection, 0)


def test_one_process_fills_the_parts_of_several(waybill: Waybill) -> None:
    before = rows_in_use(waybill)
    in_parts(waybill)

    Rebuild(waybill, ANN).run(PROJECTIONS)

    assert rows_in_use(waybill) == before
    assert parts_left(waybill) == 0


def test_it_stops_at_the_event_that_one_process_cannot_store(in_a_file: Waybill) -> None:
    (build,) = ProjectionBuilds(in_a_file.engine, in_a_file.clock).begin([ORDER_STATES], in_a_file.history.head())
    now, then = (stored_tables(ORDER_STATES, number)[order_states].name for number in (0, build.number))
    with in_a_file.engine.begin() as connection:
        refused = connection.execute(text(f"SELECT max(order_id) FROM {now}")).scalar_one()
        connection.exec_driver_sql(
            f"CREATE TRIGGER refusing BEFORE INSERT ON {then} WHEN new.order_id = '{refused}' "
            "BEGIN SELECT RAISE(ABORT, 'nobody takes it'); END"
        )
    before = rows_in_use(in_a_file)

    with pytest.raises(RebuildStoppedError, match=rf"order-{refused} .*nobody takes it.*Nothing has changed"):
        Rebuild(in_a_file, ANN, processes=2).run([ORDER_STATES])

    assert rows_in_use(in_a_file) == before
    assert multiprocessing.active_children() == []
    with in_a_file.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER refusing")
    Rebuild(in_a_file, ANN).run([ORDER_STATES])
    assert rows_in_use(in_a_file) == before


def test_it_stops_when_one_process_is_killed_and_continues(in_a_file: Waybill) -> None:
    before = rows_in_use(in_a_file)

    def kill_one(told: RebuildProgress) -> None:
        for worker in multiprocessing.active_children()[:1]:
            worker.kill()

    with pytest.raises(RebuildStoppedError, match=r"a process of the rebuild ended with exit code -9\. Nothing has"):
        Rebuild(in_a_file, ANN, processes=2, tell=kill_one).run(PROJECTIONS)
    assert multiprocessing.active_children() == []
    assert rows_in_use(in_a_file) == before

    Rebuild(in_a_file, ANN).run(PROJECTIONS)

    assert rows_in_use(in_a_file) == before


def test_begun_anew_it_forgets_the_parts(in_a_file: Waybill) -> None:
    before = rows_in_use(in_a_file)
    in_parts(in_a_file)
    interrupted(in_a_file, pages=2)

    Rebuild(in_a_file, ANN).run(PROJECTIONS, anew=True)

    assert parts_left(in_a_file) == 0
    assert rows_in_use(in_a_file) == before


def test_one_of_the_projections_of_an_interrupted_rebuild_can_go_on_alone(in_a_file: Waybill) -> None:
    before = rows_in_use(in_a_file)
    in_parts(in_a_file)
    interrupted(in_a_file, pages=2)

    Rebuild(in_a_file, ANN).run([SHIPMENTS])
    Rebuild(in_a_file, ANN).run(PROJECTIONS)

    assert rows_in_use(in_a_file) == before


def test_a_page_that_was_filled_meanwhile_is_not_filled_again(waybill: Waybill) -> None:
    before = rows_in_use(waybill)
    builds = in_parts(waybill)
    frozen = Advance(waybill, ProjectionBuilds(waybill.engine, waybill.clock))
    page = frozen.next_page(builds, builds[0].parts[0], 20)
    assert page is not None
    interrupted(waybill, pages=1)

    with pytest.raises(CheckpointMovedError):
        frozen.fill(builds, page, 0)

    Rebuild(waybill, ANN).run(PROJECTIONS)
    assert rows_in_use(waybill) == before


def test_totals_and_indexes_of_an_earlier_release_are_counted_and_made_anew(waybill: Waybill) -> None:
    before = rows_in_use(waybill)
    (build,) = ProjectionBuilds(waybill.engine, waybill.clock).begin([ORDER_STATES], waybill.history.head())
    (totals,) = ORDER_STATES.totals
    now, then = (stored_tables(ORDER_STATES, number)[totals.table].name for number in (0, build.number))
    with waybill.engine.begin() as connection:
        # It added totals page by page, and its tables had all indexes from the beginning.
        connection.exec_driver_sql(f"INSERT INTO {then} SELECT * FROM {now}")
        make_indexes(connection, stored_tables(ORDER_STATES, build.number)[order_states])

    Rebuild(waybill, ANN).run([ORDER_STATES])

    assert rows_in_use(waybill) == before


def test_status_and_metrics_tell_how_much_is_left_of_the_parts(in_a_file: Waybill) -> None:
    in_parts(in_a_file)
    assert {told.done for told in RebuildStandings(in_a_file)()} == {0}

    interrupted(in_a_file, pages=2)

    standing = next(told for told in RebuildStandings(in_a_file)() if told.name == ORDER_STATES.name)
    assert standing.done is not None and standing.total is not None
    assert 0 < standing.done < standing.total
    ratios = [each.value for each in read_store(in_a_file, {}).samples if each.name == "waybill_rebuild_filled_ratio"]
    assert len(ratios) == len(PROJECTIONS)
    assert any(ratio == pytest.approx(standing.done / standing.total) for ratio in ratios)


def test_a_small_store_and_a_file_are_filled_by_one_process(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    events = waybill.history.count_after(0)
    assert processes_to_rebuild(waybill) == 1
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr("infra.app.processes.EVENTS_WORTH_A_PROCESS", events // 3)
    assert processes_to_rebuild(waybill) == (1 if waybill.engine.dialect.name == "sqlite" else 3)
