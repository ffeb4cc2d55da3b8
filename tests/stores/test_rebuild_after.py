"""given a rebuilt projection, then one can return to the rows before, drop them, and rebuild one subject alone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.operator.acts import KeyRebuilt, ProjectionSetBack, ProjectionVersionDropped
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.rebuild.drop_old import drop_old
from infra.app.rebuild.errors import RebuildRunsError, RebuildStoppedError, UnknownKeyError
from infra.app.rebuild.rebuild import Rebuild
from infra.app.rebuild.rebuild_key import rebuild_key
from infra.app.rebuild.set_back import set_back
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.store.operator_log import Who
from infra.store.projected.earlier_builds import NothingToGoBackToError
from infra.store.projected.tables import projection_builds
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES, order_states, rep_open_orders
from projections.projection import Settled
from projections.rebuild import RebuildProgress
from projections.shipments import SHIPMENTS
from projections.table import Row
from projections.views.catalogue import view_named
from projections.views.tables import table_of
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, in_small_batches, take_in

SOME_VIEWS = ("overdue", "workload", "orders", "shipments")
ANN = Who("ann", "it looked wrong")
ROWS, TOTALS = table_of(order_states).name, table_of(rep_open_orders).name


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A store whose views are up to date."""
    with opened(new_store()) as waybill:
        yield waybill


@pytest.fixture
def in_a_file(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    """The same, for what does not depend on the database."""
    with opened(sqlite_store()) as waybill:
        yield waybill


@contextmanager
def opened(store: str) -> Iterator[Waybill]:
    with Waybill(in_small_batches(store)) as waybill:
        take_in(waybill, floor(12))
        waybill.project()
        yield waybill


def answers(waybill: Waybill) -> list[Any]:
    return [waybill.views.ask(view_named(name), Asked(as_of=UNTIL)).rows for name in SOME_VIEWS]


def differing(waybill: Waybill) -> list[str]:
    return [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs]


def acts(waybill: Waybill) -> list[type]:
    return [type(positioned.event) for positioned in waybill.history.stream("operator-ann")]


def kept(waybill: Waybill) -> list[tuple[int, bool]]:
    with waybill.engine.connect() as connection:
        return [(row.build, row.served) for row in connection.execute(select(projection_builds))]


def an_open_order(waybill: Waybill) -> tuple[str, str]:
    """The id of an open order, and its rep."""
    with waybill.engine.connect() as connection:
        row = connection.execute(
            text(
                f"SELECT order_id, rep_id FROM {ROWS} WHERE valid_to IS NULL AND status = 'open' "
                "AND rep_id IS NOT NULL ORDER BY order_id LIMIT 1"
            )
        ).one()
    return row.order_id, row.rep_id


def test_the_rows_before_serve_again_with_what_came_meanwhile(waybill: Waybill) -> None:
    Rebuild(waybill, ANN).run([ORDER_STATES, SHIPMENTS])
    take_in(waybill, floor(24)[-60:], name="more")
    waybill.project()
    before = answers(waybill)

    done = set_back(waybill, [ORDER_STATES], ANN)

    assert [(each.projection, each.build) for each in done] == [(ORDER_STATES.name, 0)]
    assert answers(waybill) == before
    assert differing(waybill) == []
    assert acts(waybill)[-1] is ProjectionSetBack
    # and a second time leads no further back, and not forward either: that is a rebuild
    with pytest.raises(
        NothingToGoBackToError, match=r"serve already \(build 0\); to go forward again: waybill rebuild"
    ):
        set_back(waybill, [ORDER_STATES], ANN)
    assert [each.build for each in Rebuild(waybill, ANN).run([ORDER_STATES])] == [2]
    waybill.project()
    assert not verify_store(waybill).findings


def test_without_a_rebuild_there_is_nothing_to_go_back_to(in_a_file: Waybill) -> None:
    with pytest.raises(NothingToGoBackToError, match="no earlier build and no earlier version"):
        set_back(in_a_file, [ORDER_STATES], ANN)
    assert acts(in_a_file) == []


def test_the_rows_before_can_be_dropped(waybill: Waybill) -> None:
    Rebuild(waybill, ANN).run([ORDER_STATES])
    assert kept(waybill) == [(0, True)]
    before = answers(waybill)

    (dropped,) = drop_old(waybill, [ORDER_STATES], ANN)

    assert dropped.build == 0
    assert kept(waybill) == []
    assert acts(waybill)[-1] is ProjectionVersionDropped
    assert answers(waybill) == before
    with pytest.raises(NothingToGoBackToError):
        set_back(waybill, [ORDER_STATES], ANN)
    (again,) = Rebuild(waybill, ANN).run([ORDER_STATES])
    assert again.build == 2


def test_the_rows_of_one_order_are_rebuilt_with_the_totals_of_its_rep(waybill: Waybill) -> None:
    order_id, rep_id = an_open_order(waybill)
    with waybill.engine.begin() as connection:
        connection.execute(text(f"UPDATE {ROWS} SET rep_id = 'rep-404' WHERE order_id = '{order_id}'"))
        connection.execute(text(f"UPDATE {TOTALS} SET open_orders = open_orders + 1 WHERE rep_id = '{rep_id}'"))
    assert differing(waybill) == [order_states.name, rep_open_orders.name]

    done = rebuild_key(waybill, PROJECTIONS, order_id, ANN)

    assert {each.projection for each in done} >= {ORDER_STATES.name, SHIPMENTS.name}
    assert differing(waybill) == []
    assert KeyRebuilt in acts(waybill)
    waybill.project()
    assert not verify_store(waybill).findings


def test_rows_of_an_order_without_events_are_removed_by_its_id(in_a_file: Waybill) -> None:
    order_id, _ = an_open_order(in_a_file)
    with in_a_file.engine.begin() as connection:
        connection.execute(text(f"UPDATE {ROWS} SET order_id = 'SO-404' WHERE order_id = '{order_id}'"))

    rebuild_key(in_a_file, [ORDER_STATES], "SO-404", ANN)
    rebuild_key(in_a_file, [ORDER_STATES], order_id, ANN)

    assert differing(in_a_file) == []
    with pytest.raises(UnknownKeyError, match="there is no order SO-404"):
        rebuild_key(in_a_file, [ORDER_STATES], "SO-404", ANN)


def test_a_rebuild_that_was_interrupted_continues_after_the_last_page(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.app.rebuild.rebuild.EVENTS_AT_ONCE", 20)
    filled: list[int] = []

    def interrupted(told: RebuildProgress) -> None:
        filled.append(told.done)
        if len(filled) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rebuild(waybill, ANN, tell=interrupted).run([ORDER_STATES])
    assert [told.state for told in read_status(waybill).projections if told.name == ORDER_STATES.name] == ["live"]
    monkeypatch.undo()
    take_in(waybill, floor(24)[-60:], name="more")
    waybill.project()

    told: list[Any] = []
    Rebuild(waybill, ANN, tell=told.append).run([ORDER_STATES, SHIPMENTS])

    assert {each.part for each in told} == {"filling", "catching up"}
    assert differing(waybill) == []
    assert told[0].done > max(filled[-1], 40)  # those of the first two pages are not read again


def test_it_stops_at_the_event_that_a_projection_cannot_take_and_nothing_has_changed(in_a_file: Waybill) -> None:
    with in_a_file.engine.connect() as connection:
        order_id = connection.execute(
            text(f"SELECT order_id FROM {ROWS} GROUP BY order_id ORDER BY count(*) DESC, order_id LIMIT 1")
        ).scalar_one()
    before = answers(in_a_file)

    def shape(settled: Settled) -> Mapping[str, Iterable[Row]]:
        if settled.subject_id == order_id and len(settled.moments) > 1:
            raise ZeroDivisionError("a share of nothing")
        return SHIPMENTS.shape(settled)

    second = in_a_file.history.stream(f"order-{order_id}")[1]
    with pytest.raises(RebuildStoppedError, match=rf"position {second.position} of order-{order_id}.*share of nothing"):
        Rebuild(in_a_file, ANN).run([replace(SHIPMENTS, shape=shape)])
    assert answers(in_a_file) == before
    assert read_status(in_a_file).parked == []
    assert acts(in_a_file) == []
    # and after the fix it continues
    Rebuild(in_a_file, ANN).run([SHIPMENTS])
    assert differing(in_a_file) == []


def test_begun_again_it_forgets_what_was_filled_by_wrong_code(in_a_file: Waybill) -> None:
    def wrong(settled: Settled) -> Mapping[str, Iterable[Row]]:
        if settled.subject_id > "SO-100006":
            raise ZeroDivisionError
        return {}

    with pytest.raises(RebuildStoppedError):
        Rebuild(in_a_file, ANN).run([replace(ORDER_STATES, shape=wrong)])

    Rebuild(in_a_file, ANN).run([ORDER_STATES], anew=True)

    assert differing(in_a_file) == []


def test_of_two_at_once_the_second_is_refused(waybill: Waybill) -> None:
    leadership = waybill.backend.leadership("rebuild")
    assert leadership.claim()
    with pytest.raises(RebuildRunsError):
        Rebuild(waybill, ANN).run([SHIPMENTS])
    leadership.close()
    assert Rebuild(waybill, ANN).run([SHIPMENTS])


def test_parked_subjects_are_no_longer_parked_and_are_again_after_going_back(waybill: Waybill) -> None:
    order_id, _ = an_open_order(waybill)
    with waybill.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO projection_failures (name, version, key, position, reason, since) "
                f"SELECT name, version, '{order_id}', position, 'no such carrier', since FROM "
                "(SELECT name, version, position FROM projection_positions) AS p, "
                f"(SELECT begun_at AS since FROM projection_builds UNION SELECT valid_from FROM {ROWS}) AS s "
                f"WHERE name = '{SHIPMENTS.name}' LIMIT 1"
            )
        )
    assert [one.key for one in read_status(waybill).parked] == [order_id]

    Rebuild(waybill, ANN).run([SHIPMENTS])
    assert read_status(waybill).parked == []

    set_back(waybill, [SHIPMENTS], ANN)
    assert [one.key for one in read_status(waybill).parked] == [order_id]
