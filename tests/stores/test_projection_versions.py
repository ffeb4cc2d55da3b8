"""Two versions of a projection stand beside each other. A changed shape serves only after its rebuild."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.migrate import fill_views
from infra.app.rebuild.drop_old import drop_old
from infra.app.rebuild.errors import NewerServesError
from infra.app.rebuild.rebuild import Rebuild
from infra.app.rebuild.set_back import set_back
from infra.app.status import ProjectionStatus, read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.sql_views.relations import relations
from infra.store.operator_log import Who
from infra.store.projected.earlier_builds import NothingToGoBackToError
from infra.store.projected.serving import NotFilledError
from infra.store.projected.tables import stored_tables
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.views.catalogue import VIEWS, view_named
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, in_small_batches, take_in

EARLIER = replace(ORDER_STATES, version=ORDER_STATES.version - 1)
OLDER_CODE = tuple(EARLIER if projection is ORDER_STATES else projection for projection in PROJECTIONS)
SOME_VIEWS = ("overdue", "workload", "orders", "shipments")
ANN = Who("ann", "a new version")


@pytest.fixture
def settings(new_store: StoreUrl) -> Settings:
    """A store whose views are up to date, those of orders in the version before this code's."""
    settings = in_small_batches(new_store())
    with Waybill(settings) as waybill:
        take_in(waybill, floor(12))
        waybill.project()
        made_by_the_version_before(waybill)
    return settings


def made_by_the_version_before(waybill: Waybill) -> None:
    """Rename what belongs to this code's version of the orders' states, as if the version before had written it."""
    with waybill.engine.begin() as connection:
        for table in stored_tables(ORDER_STATES).values():
            before = table.name.replace(f"_v{ORDER_STATES.version}", f"_v{EARLIER.version}")
            connection.execute(text(f"ALTER TABLE {table.name} RENAME TO {before}"))
            for index in table.indexes:
                # The names of indexes belong to a version too.
                connection.execute(text(f"DROP INDEX {index.name}"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("COMMENT ON SCHEMA waybill IS 'definitions of the version before'"))
        for table_name in ("projection_positions", "live_projections"):
            connection.execute(
                text(f"UPDATE {table_name} SET version = {EARLIER.version} WHERE name = '{ORDER_STATES.name}'")
            )


def without_column(waybill: Waybill, column: str) -> None:
    """The version before does not have this column of the orders' states."""
    with waybill.engine.begin() as connection:
        drop_relations(connection)
        connection.execute(text(f"ALTER TABLE order_states_v{EARLIER.version} DROP COLUMN {column}"))


def drop_relations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP SCHEMA waybill CASCADE"))
    else:
        ours = {name for one in relations(timedelta(hours=72)) for name in (one.name, f"{one.name}_readable")}
        views = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'view'")).scalars().all()
        for name in ours.intersection(views):
            connection.execute(text(f"DROP VIEW {name}"))


@pytest.fixture
def waybill(settings: Settings) -> Iterator[Waybill]:
    with Waybill(settings) as waybill:
        yield waybill


def versions(waybill: Waybill) -> dict[int, ProjectionStatus]:
    """What `waybill status` says of each version."""
    return {told.version: told for told in read_status(waybill).projections if told.name == ORDER_STATES.name}


def states(waybill: Waybill) -> dict[int, tuple[str, bool]]:
    return {version: (told.state, told.serves) for version, told in versions(waybill).items()}


def answers(waybill: Waybill) -> list[Any]:
    return [waybill.views.ask(view_named(name), Asked(as_of=UNTIL)).rows for name in SOME_VIEWS]


def analysts(waybill: Waybill, relation: str) -> int:
    schema = "" if waybill.engine.dialect.name == "sqlite" else "waybill."
    with waybill.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {schema}{relation}")).scalar_one())


def rebuilt(waybill: Waybill, *projections: Projection) -> None:
    Rebuild(waybill, ANN).run(projections)
    waybill.project()


def test_the_first_version_in_an_empty_store_is_live_at_once(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as waybill:
        assert waybill.rows.live(PROJECTIONS)
        assert all(told.serves for told in read_status(waybill).projections)


def test_a_changed_shape_needs_a_rebuild_and_the_version_before_answers_meanwhile(waybill: Waybill) -> None:
    before, position = answers(waybill), versions(waybill)[EARLIER.version].position
    take_in(waybill, floor(24)[-40:], name="more")
    waybill.project()

    told = versions(waybill)
    assert (told[EARLIER.version].state, told[EARLIER.version].serves) == ("behind", True)
    assert (told[ORDER_STATES.version].state, told[ORDER_STATES.version].serves) == ("needs rebuild", False)
    assert waybill.lag() == 0  # the others are up to date
    overdue = waybill.views.ask(view_named("overdue"), Asked(as_of=UNTIL))
    assert overdue.position == position
    assert overdue.rows == before[SOME_VIEWS.index("overdue")]
    assert verify_store(waybill).not_compared


def test_after_its_rebuild_it_serves(waybill: Waybill) -> None:
    before = answers(waybill)
    assert analysts(waybill, "overdue_deliveries") > 0

    rebuilt(waybill, ORDER_STATES)

    assert states(waybill)[ORDER_STATES.version] == ("live", True)
    assert states(waybill)[EARLIER.version] == ("behind", False)
    assert answers(waybill) == before
    assert analysts(waybill, "order_states") > 0
    assert not verify_store(waybill).findings
    # and the rows of the version before are not what is read
    with waybill.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM order_states_v{EARLIER.version}"))
    assert answers(waybill) == before


def test_a_migration_rebuilds_what_has_changed(settings: Settings) -> None:
    fill_views(settings)

    with Waybill(settings) as waybill:
        assert states(waybill)[ORDER_STATES.version] == ("live", True)
        assert not any(found.differs for found in diff_projections(waybill, PROJECTIONS))


def test_a_question_that_needs_a_new_column_says_which_rebuild_it_needs(waybill: Waybill) -> None:
    without_column(waybill, "reference")

    assert waybill.views.ask(view_named("overdue"), Asked()).rows
    with pytest.raises(NotFilledError, match=r"no order_states\.reference.*waybill rebuild order_states"):
        waybill.views.ask(view_named("orders"), Asked())

    rebuilt(waybill, ORDER_STATES)
    assert waybill.views.ask(view_named("orders"), Asked()).rows


def test_the_version_before_can_serve_again_and_the_new_one_needs_a_rebuild_then(waybill: Waybill) -> None:
    waybill_rows = answers(waybill)
    with waybill.engine.connect() as connection:
        head = waybill.history.head()
        assert connection.execute(text("SELECT max(position) FROM projection_positions")).scalar_one() == head
    Rebuild(waybill, ANN).run([ORDER_STATES])

    (done,) = set_back(waybill, [ORDER_STATES], ANN)

    assert done.version == EARLIER.version
    waybill.project()
    assert states(waybill) == {EARLIER.version: ("behind", True), ORDER_STATES.version: ("needs rebuild", False)}
    assert answers(waybill) == waybill_rows
    assert analysts(waybill, "order_states") > 0
    rebuilt(waybill, ORDER_STATES)
    assert states(waybill)[ORDER_STATES.version] == ("live", True)
    assert answers(waybill) == waybill_rows


def test_a_version_that_stands_behind_does_not_serve_again(waybill: Waybill) -> None:
    take_in(waybill, floor(24)[-40:], name="more")
    rebuilt(waybill, ORDER_STATES)

    with pytest.raises(NothingToGoBackToError, match=rf"version {EARLIER.version} of order_states stands at position"):
        set_back(waybill, [ORDER_STATES], ANN)
    assert states(waybill)[ORDER_STATES.version] == ("live", True)


def test_the_version_before_can_be_dropped_once_it_does_not_serve(waybill: Waybill) -> None:
    assert drop_old(waybill, [ORDER_STATES], ANN) == []
    rebuilt(waybill, ORDER_STATES)

    (dropped,) = drop_old(waybill, [ORDER_STATES], ANN)

    assert dropped.version == EARLIER.version
    assert list(versions(waybill)) == [ORDER_STATES.version]
    assert answers(waybill)
    with pytest.raises(NothingToGoBackToError, match="no earlier build and no earlier version"):
        set_back(waybill, [ORDER_STATES], ANN)


def test_older_code_leaves_the_names_to_the_newer(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    rebuilt(waybill, ORDER_STATES)
    older_views = [
        replace(view, projections=tuple(EARLIER if p is ORDER_STATES else p for p in view.projections))
        for view in VIEWS
    ]
    monkeypatch.setattr("infra.sql_views.relations.VIEWS", older_views)

    with pytest.raises(NewerServesError, match=rf"version {ORDER_STATES.version} of order_states serves"):
        Rebuild(waybill, ANN).run(OLDER_CODE)
    # its own rows, which it keeps up to date, are what it answers from
    (orders,) = (view for view in older_views if view.command == "orders")
    assert waybill.views.ask(orders, Asked(as_of=UNTIL)).rows
    # and it can make them serve again
    (done,) = set_back(waybill, [EARLIER], ANN)
    assert (done.version, done.position) == (EARLIER.version, waybill.history.head() - 1)
