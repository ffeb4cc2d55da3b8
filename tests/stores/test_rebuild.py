"""given a store in use, when a projection is rebuilt, then its rows are as its events say, and nobody noticed."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.operator.acts import ProjectionRebuilt
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.rebuild.rebuild import Rebuild, Rebuilt
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.store.operator_log import Who
from infra.store.projected.tables import projection_builds
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES, order_states, rep_open_orders
from projections.projection import Projection
from projections.rebuild import RebuildProgress
from projections.shipments import SHIPMENTS
from projections.views.catalogue import view_named
from projections.views.tables import table_of
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, take_in, up_to_date

SOME_VIEWS = ("overdue", "workload", "orders", "shipments")
ANN = Who("ann", "rows edited by hand")
ROWS, TOTALS = table_of(order_states).name, table_of(rep_open_orders).name


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A store whose views are up to date."""
    with up_to_date(new_store()) as waybill:
        yield waybill


def edited_by_hand(waybill: Waybill) -> None:
    """An order's row is deleted, those of another have another rep, and a total is off by one."""
    with waybill.engine.begin() as connection:
        first, second = connection.execute(
            text(f"SELECT order_id FROM {ROWS} WHERE valid_to IS NULL ORDER BY order_id LIMIT 2")
        ).scalars()
        connection.execute(text(f"DELETE FROM {ROWS} WHERE order_id = '{first}' AND valid_to IS NULL"))
        connection.execute(text(f"UPDATE {ROWS} SET rep_id = 'rep-404' WHERE order_id = '{second}'"))
        connection.execute(text(f"UPDATE {TOTALS} SET open_orders = open_orders + 1"))


def differing(waybill: Waybill) -> list[str]:
    return [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs]


def answers(waybill: Waybill) -> list[Any]:
    return [waybill.views.ask(view_named(name), Asked(as_of=UNTIL)).rows for name in SOME_VIEWS]


def rebuilt(waybill: Waybill, *projections: Projection, **how: Any) -> list[Rebuilt]:
    return Rebuild(waybill, ANN, **how).run(projections)


def relation_rows(waybill: Waybill, relation: str) -> list[Any]:
    """What analysts read by SQL."""
    schema = "" if waybill.engine.dialect.name == "sqlite" else "waybill."
    with waybill.engine.connect() as connection:
        return sorted(map(repr, connection.execute(text(f"SELECT * FROM {schema}{relation}"))))


def test_rows_and_totals_that_were_edited_by_hand_are_mended(waybill: Waybill) -> None:
    before = answers(waybill)
    edited_by_hand(waybill)
    assert differing(waybill) == [order_states.name, rep_open_orders.name]

    (done,) = rebuilt(waybill, ORDER_STATES)

    assert done.build == 1
    assert differing(waybill) == []
    waybill.project()
    assert not verify_store(waybill).findings
    assert answers(waybill) == before


def test_all_projections_are_rebuilt_together_and_answer_as_before(waybill: Waybill) -> None:
    before = answers(waybill)
    analysts = relation_rows(waybill, "orders"), relation_rows(waybill, "shipment_periods")
    head = waybill.history.head()

    done = rebuilt(waybill, *PROJECTIONS)

    assert [(each.projection, each.position) for each in done] == [(p.name, head) for p in PROJECTIONS]
    assert answers(waybill) == before
    assert (relation_rows(waybill, "orders"), relation_rows(waybill, "shipment_periods")) == analysts
    assert differing(waybill) == []


def test_analysts_read_the_new_rows(waybill: Waybill) -> None:
    before = relation_rows(waybill, "order_states"), relation_rows(waybill, "rep_workload")
    edited_by_hand(waybill)

    rebuilt(waybill, ORDER_STATES)

    assert (relation_rows(waybill, "order_states"), relation_rows(waybill, "rep_workload")) == before


def test_new_events_are_projected_to_the_new_rows(waybill: Waybill) -> None:
    rebuilt(waybill, ORDER_STATES, SHIPMENTS)
    take_in(waybill, floor(24)[-60:], name="more")
    waybill.project()

    assert waybill.lag() == 0
    assert differing(waybill) == []
    rebuilt(waybill, *PROJECTIONS)
    assert differing(waybill) == []


def test_the_operator_is_noted(waybill: Waybill) -> None:
    (done,) = rebuilt(waybill, SHIPMENTS)

    (act,) = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert isinstance(act, ProjectionRebuilt)
    assert (act.projection, act.version, act.reason) == (SHIPMENTS.name, SHIPMENTS.version, ANN.reason)
    assert act.position == done.position


def test_only_the_rows_of_the_rebuild_before_are_kept(waybill: Waybill) -> None:
    for number in (1, 2, 3):
        (done,) = rebuilt(waybill, SHIPMENTS)
        assert done.build == number
        with waybill.engine.connect() as connection:
            kept = connection.execute(select(projection_builds)).all()
        assert [(row.build, row.served) for row in kept] == [(number - 1, True)]


def test_what_is_projected_just_before_the_switch_is_in_the_new_rows(waybill: Waybill) -> None:
    caught_up: list[int] = []

    def more_comes(told: RebuildProgress) -> None:
        """While it fills, so that it has to catch up; and again once it has caught up."""
        if told.done >= told.total and len(caught_up) < 2:
            take_in(waybill, floor(24)[-60:][len(caught_up) :: 2], name=told.part)
            waybill.project()
            caught_up.append(waybill.history.head())

    (done,) = Rebuild(waybill, ANN, tell=more_comes).run([SHIPMENTS])

    assert done.position == caught_up[-1] > caught_up[0]
    assert done.position == waybill.history.head() - 1  # after it, only the act
    assert differing(waybill) == []


def test_a_query_that_began_before_the_switch_sees_the_rows_and_the_position_of_then(waybill: Waybill) -> None:
    asked, view = Asked(as_of=UNTIL), view_named("shipments")
    before = waybill.views.ask(view, asked)
    with waybill.views.stream(view, asked) as answer:
        assert answer.position == before.position
        take_in(waybill, floor(24)[-60:], name="more")
        waybill.project()
        rebuilt(waybill, *PROJECTIONS)
        rows = [row for batch in answer.batches() for row in batch]

    assert len(rows) == len(before.rows)
    assert waybill.views.ask(view, asked).position > before.position
