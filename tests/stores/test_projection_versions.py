"""Two versions of a projection stand beside each other: each has tables, positions and totals of its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from infra.app.container import Waybill
from infra.app.status import ProjectionStatus, read_status
from infra.queries.views import Asked
from infra.settings import Settings
from infra.sql_views.relations import relations
from infra.store.projected.rows import NotFilledError, ProjectedRows
from infra.store.projected.tables import live_projections, projection_positions, stored_tables
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES, order_states, rep_open_orders
from projections.projection import Projection
from projections.runner import Runner
from projections.views.catalogue import VIEWS, View, view_named
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, in_small_batches, take_in

NEXT = replace(ORDER_STATES, version=ORDER_STATES.version + 1)
NEWER_CODE = tuple(NEXT if projection is ORDER_STATES else projection for projection in PROJECTIONS)


@pytest.fixture
def settings(new_store: StoreUrl) -> Settings:
    """A store whose views are up to date."""
    settings = in_small_batches(new_store())
    with Waybill(settings) as waybill:
        take_in(waybill, floor(30))
        waybill.project()
    return settings


def opened_by(projections: Sequence[Projection], waybill: Waybill) -> Runner:
    """What a process does whose code has these versions, up to its first batch."""
    rows = ProjectedRows(waybill.engine)
    rows.create(projections)
    return Runner(waybill.history, rows, projections, batch_events=50)


def run(runner: Runner) -> None:
    while runner.step() is not None:
        pass


def kept(waybill: Waybill, projection: Projection) -> tuple[list[Any], list[Any], int | None]:
    """The rows, the totals and the position of one version."""
    stored = stored_tables(projection)
    c = projection_positions.c
    with waybill.engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(stored[order_states]))]
        totals = [tuple(row) for row in connection.execute(select(stored[rep_open_orders])) if any(row[1:])]
        position = connection.execute(
            select(c.position).where(c.name == projection.name, c.version == projection.version)
        ).scalar_one_or_none()
    return sorted(rows, key=repr), sorted(totals), position


def versions(waybill: Waybill) -> dict[int, ProjectionStatus]:
    """What `waybill status` says of each version."""
    return {told.version: told for told in read_status(waybill).projections if told.name == ORDER_STATES.name}


def live_version(waybill: Waybill) -> int:
    with waybill.engine.connect() as connection:
        question = select(live_projections.c.version).where(live_projections.c.name == ORDER_STATES.name)
        return int(connection.execute(question).scalar_one())


def test_two_versions_that_open_one_store_in_turn_leave_each_other_alone(settings: Settings) -> None:
    with Waybill(settings) as waybill:
        before = kept(waybill, ORDER_STATES)
        assert before[0] and before[1] and before[2] == waybill.history.head()
        # when newer code opens the store, it begins beside the older one
        newer = opened_by(NEWER_CODE, waybill)
        assert kept(waybill, NEXT) == ([], [], 0)
        assert kept(waybill, ORDER_STATES) == before
        # and whatever it fills stays when older code opens the store again
        newer.step()
        filled = kept(waybill, NEXT)
        assert 0 < (filled[2] or 0) < waybill.history.head()
        run(opened_by(PROJECTIONS, waybill))
        assert kept(waybill, NEXT) == filled
        assert kept(waybill, ORDER_STATES) == before
        # and in the end both say the same
        run(opened_by(NEWER_CODE, waybill))
        assert kept(waybill, NEXT) == before
        assert kept(waybill, ORDER_STATES) == before


def test_a_new_version_goes_live_when_it_has_come_as_far_as_the_live_one(settings: Settings) -> None:
    with Waybill(settings) as waybill:
        newer = opened_by(NEWER_CODE, waybill)
        states = {(version, told.state) for version, told in versions(waybill).items()}
        assert states == {(ORDER_STATES.version, "live"), (NEXT.version, "filling")}
        newer.step()
        assert live_version(waybill) == ORDER_STATES.version
        run(newer)
        assert live_version(waybill) == NEXT.version
        # and older code does not take the names back
        run(opened_by(PROJECTIONS, waybill))
        assert live_version(waybill) == NEXT.version
        # and an old version without a process of its code stands still, and says where
        take_in(waybill, floor(60)[-40:], name="more")
        run(opened_by(NEWER_CODE, waybill))
        told = versions(waybill)
        assert told[NEXT.version].state == "live"
        assert told[ORDER_STATES.version].state == "behind"
        assert told[ORDER_STATES.version].lag > 0


def test_the_first_version_in_an_empty_store_is_live_at_once(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as waybill:
        assert waybill.rows.live(PROJECTIONS)


def test_the_analysts_names_move_with_the_position_or_not_at_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.sql_views.relations.VIEWS", [newer_view(view) for view in VIEWS])
    with Waybill(settings) as waybill:
        overdue = "overdue_deliveries" if waybill.engine.dialect.name == "sqlite" else "waybill.overdue_deliveries"
        counted = text(f"SELECT count(*) FROM {overdue}")
        with waybill.engine.connect() as connection:
            before = connection.execute(counted).scalar_one()
        assert before > 0

        def failing(_: Connection) -> None:
            raise ZeroDivisionError

        # when the names cannot be moved, then the old version stays live
        rows = ProjectedRows(waybill.engine, failing)
        rows.create(NEWER_CODE)
        with pytest.raises(ZeroDivisionError):
            run(Runner(waybill.history, rows, NEWER_CODE, batch_events=50))
        assert live_version(waybill) == ORDER_STATES.version
        # when they can, then they point to the new tables, and the old ones can go
        moving_rows(waybill).create(NEWER_CODE)
        assert live_version(waybill) == NEXT.version
        waybill.rows.drop(ORDER_STATES)
        with waybill.engine.connect() as connection:
            assert connection.execute(counted).scalar_one() == before
        if waybill.engine.dialect.name == "postgresql":
            with waybill.engine.connect() as connection:
                as_of = text("SELECT count(*) FROM waybill.overdue_deliveries(now())")
                assert connection.execute(as_of).scalar_one() == before
        # and the version that is live cannot be dropped
        with pytest.raises(ValueError, match="is live"):
            waybill.rows.drop(NEXT)
        assert list(versions(waybill)) == [NEXT.version]


@pytest.mark.parametrize("name", ["overdue", "workload"])
def test_a_view_answers_from_its_own_versions_tables_once_they_are_filled(settings: Settings, name: str) -> None:
    asked = Asked(as_of=UNTIL + timedelta(days=2))
    view = view_named(name)
    with Waybill(settings) as waybill:
        before, present = waybill.views.ask(view, asked), waybill.views.ask(view, Asked()).rows
        assert before.rows
        newer = opened_by(NEWER_CODE, waybill)
        with pytest.raises(NotFilledError, match=r"order_states is being filled in version \d.*position 0"):
            waybill.views.ask(newer_view(view), asked)
        run(newer)
        # the rows of the old version are not what is read
        with waybill.engine.begin() as connection:
            connection.execute(stored_tables(ORDER_STATES)[order_states].delete())
        assert waybill.views.ask(newer_view(view), asked) == before
        assert [row["rep_id"] for row in waybill.views.ask(newer_view(view), Asked()).rows] == [
            row["rep_id"] for row in present
        ]
        known = Asked(as_of=asked.as_of, known_at=waybill.clock())
        assert waybill.views.ask(newer_view(view), known) == before


def newer_view(view: View) -> View:
    """The view as newer code has it."""
    return replace(view, projections=tuple(NEXT if p is ORDER_STATES else p for p in view.projections))


def moving_rows(waybill: Waybill) -> ProjectedRows:
    """Rows of newer code that move the analysts' names."""
    return ProjectedRows(
        waybill.engine, lambda connection: waybill.backend.redefine(connection, relations(waybill.hold))
    )
