"""given a view whose rows differ from what its events say, then `diff` finds exactly these rows, on both stores."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import pytest
from sqlalchemy import Connection, text

from infra.app.container import Waybill
from infra.app.diff import ShapeFailsError, TableDiff, UnknownViewError, diff_projections, projections_named
from infra.app.verify import verify_store
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES, order_states, rep_open_orders
from projections.projection import Projection
from projections.table import RowTable
from projections.views.tables import table_of
from tests.integration.command import Command, Nursery
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, in_small_batches, take_in

ROWS, TOTALS = table_of(order_states).name, table_of(rep_open_orders).name


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A store whose views are up to date."""
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, floor(30))
        waybill.project()
        yield waybill


def differences(waybill: Waybill, projection: Projection = ORDER_STATES, **how: Any) -> dict[str, TableDiff]:
    return {found.table: found for found in diff_projections(waybill, [projection], **how)}


def changed_by_hand(waybill: Waybill, *statements: str) -> None:
    with waybill.engine.begin() as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount == 1


def some_order(connection: Connection) -> str:
    found = connection.execute(text(f"SELECT min(order_id) FROM {ROWS} WHERE valid_to IS NULL AND rep_id IS NOT NULL"))
    return str(found.scalar_one())


def test_rows_as_the_events_say_differ_in_nothing(waybill: Waybill) -> None:
    found = diff_projections(waybill, PROJECTIONS)

    assert {each.projection for each in found} == {projection.name for projection in PROJECTIONS}
    assert [each.table for each in found if each.differs] == []
    assert sum(each.rows for each in found) > 100


def test_a_row_changed_by_hand_is_found_with_its_column_and_nothing_else(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        order_id = some_order(connection)
    changed_by_hand(
        waybill, f"UPDATE {ROWS} SET reference = 'by hand' WHERE order_id = '{order_id}' AND valid_to IS NULL"
    )

    found = differences(waybill)

    rows = found[order_states.name]
    assert (rows.added, rows.gone, rows.changed, rows.columns) == (0, 0, 1, {"reference": 1})
    (change,) = rows.samples
    assert change.key[0] == order_id
    assert [(column.column, column.before) for column in change.columns] == [("reference", "by hand")]
    assert not found[rep_open_orders.name].differs


def test_a_deleted_row_would_be_added_and_a_row_of_no_order_would_be_gone(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        order_id = some_order(connection)
    lasting = f"order_id = '{order_id}' AND valid_to IS NULL"
    changed_by_hand(waybill, f"UPDATE {ROWS} SET order_id = 'SO-404' WHERE {lasting}")

    rows = differences(waybill)[order_states.name]

    assert (rows.added, rows.gone, rows.changed) == (1, 1, 0)
    assert {(change.kind, change.key[0]) for change in rows.samples} == {("added", order_id), ("gone", "SO-404")}


def test_a_total_off_by_one_is_found(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        rep_id = connection.execute(text(f"SELECT max(rep_id) FROM {TOTALS} WHERE open_orders > 0")).scalar_one()
    changed_by_hand(waybill, f"UPDATE {TOTALS} SET open_orders = open_orders + 1 WHERE rep_id = '{rep_id}'")

    found = differences(waybill)

    assert not found[order_states.name].differs
    assert found[rep_open_orders.name].columns == {"open_orders": 1}
    assert found[rep_open_orders.name].samples[0].key == (rep_id,)


def test_as_of_an_instant_only_the_rows_of_that_instant_count(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        order_id = some_order(connection)
    changed_by_hand(
        waybill, f"UPDATE {ROWS} SET reference = 'by hand' WHERE order_id = '{order_id}' AND valid_to IS NULL"
    )

    assert differences(waybill, as_of=UNTIL + timedelta(days=1))[order_states.name].changed == 1
    assert not differences(waybill, as_of=UNTIL - timedelta(days=4_000))[order_states.name].differs


def test_all_planted_differences_are_found_at_once_and_nothing_else(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        lasting = f"SELECT order_id FROM {ROWS} WHERE valid_to IS NULL AND rep_id IS NOT NULL ORDER BY order_id LIMIT 3"
        edited, deleted, reshaped = connection.execute(text(lasting)).scalars()
        rep_id = connection.execute(text(f"SELECT max(rep_id) FROM {TOTALS} WHERE open_orders > 0")).scalar_one()
    changed_by_hand(
        waybill,
        f"UPDATE {ROWS} SET reference = 'by hand' WHERE order_id = '{edited}' AND valid_to IS NULL",
        f"DELETE FROM {ROWS} WHERE order_id = '{deleted}' AND valid_to IS NULL",
        f"UPDATE {TOTALS} SET open_orders = open_orders + 1 WHERE rep_id = '{rep_id}'",
    )

    def shape(settled: Any) -> Any:
        rows = ORDER_STATES.shape(settled)
        if settled.subject_id != reshaped:
            return rows
        return {
            name: [row._replace(channel="other") if row.valid_to is None else row for row in found]  # type: ignore[attr-defined]
            for name, found in rows.items()
        }

    others = [projection for projection in PROJECTIONS if projection is not ORDER_STATES]
    found = {each.table: each for each in diff_projections(waybill, [replace(ORDER_STATES, shape=shape), *others])}

    rows, totals = found.pop(order_states.name), found.pop(rep_open_orders.name)
    assert {(change.kind, change.key[0]) for change in rows.samples} == {
        ("changed", edited),
        ("added", deleted),
        ("changed", reshaped),
    }
    assert (rows.added, rows.gone, rows.changed, rows.columns) == (1, 0, 2, {"channel": 1, "reference": 1})
    assert [(change.key, [column.column for column in change.columns]) for change in totals.samples] == [
        ((rep_id,), ["open_orders"])
    ]
    assert [each.table for each in found.values() if each.differs] == []


def test_a_shape_that_raises_names_the_order(waybill: Waybill) -> None:
    with waybill.engine.connect() as connection:
        order_id = some_order(connection)

    def shape(settled: Any) -> Any:
        if settled.subject_id == order_id:
            raise ValueError("no such carrier")
        return ORDER_STATES.shape(settled)

    with pytest.raises(ShapeFailsError, match=f"cannot take order-{order_id}: ValueError: no such carrier"):
        differences(waybill, replace(ORDER_STATES, shape=shape))


def test_a_changed_shape_is_compared_with_the_version_that_people_query(waybill: Waybill) -> None:
    def shape(settled: Any) -> Any:
        rows = ORDER_STATES.shape(settled)
        return {name: [row._replace(channel="other") for row in found] for name, found in rows.items()}  # type: ignore[attr-defined]

    newer = replace(ORDER_STATES, version=ORDER_STATES.version + 1, shape=shape)

    rows = differences(waybill, newer)[order_states.name]

    assert (rows.live_version, rows.version) == (ORDER_STATES.version, newer.version)
    assert (rows.added, rows.gone, rows.changed) == (0, 0, rows.rows)
    assert rows.columns == {"channel": rows.rows}
    assert len(rows.samples) == 5


def test_columns_of_one_version_alone_are_named(waybill: Waybill) -> None:
    wider = _with_another_column(order_states)
    newer = replace(
        ORDER_STATES,
        version=ORDER_STATES.version + 1,
        tables=(wider,),
        shape=lambda settled: {wider.name: [(*row, "x") for row in ORDER_STATES.shape(settled)[order_states.name]]},
        totals=(),
    )

    rows = differences(waybill, newer)[order_states.name]

    assert rows.new_columns == ["colour"]
    assert (rows.added, rows.gone, rows.changed) == (0, 0, 0)
    assert rows.differs


def test_a_view_that_is_behind_is_compared_at_its_own_position(waybill: Waybill) -> None:
    take_in(waybill, [line.replace(b"SO-1", b"XO-1").replace(b'"id":"', b'"id":"again-') for line in floor(10)])
    assert waybill.lag() > 0

    assert not any(found.differs for found in diff_projections(waybill, PROJECTIONS))


def test_a_view_is_named_like_everywhere() -> None:
    assert projections_named("overdue") == (ORDER_STATES,)
    assert projections_named("order-states") == [ORDER_STATES]
    with pytest.raises(UnknownViewError, match="neither a view nor a projection"):
        projections_named("nothing")


def _with_another_column(table: RowTable[Any]) -> RowTable[Any]:
    hints = get_type_hints(table.row, include_extras=True)
    row = NamedTuple("WiderRow", [*hints.items(), ("colour", Annotated[str, "Of the parcel."])])  # type: ignore[misc]
    row.__annotations__ = {**hints, "colour": Annotated[str, "Of the parcel."]}
    return RowTable(table.name, row)


def test_a_value_of_another_type_is_a_finding_of_its_row_and_a_rebuild_of_its_key_mends_it(
    sqlite_store: StoreUrl, nursery: Nursery, tmp_path: Path
) -> None:
    # given an instant that somebody wrote as text into a store that keeps instants as numbers
    service = Command(nursery, tmp_path).with_(WAYBILL_STORE=(url := sqlite_store()))
    with Waybill(in_small_batches(url)) as store:
        take_in(store, floor(10))
        store.project()
        with store.engine.connect() as connection:
            order_id = some_order(connection)
        lasting = f"order_id = '{order_id}' AND valid_to IS NULL"
        changed_by_hand(store, f"UPDATE {ROWS} SET promised_by = '2026-12-24T16:00:00Z' WHERE {lasting}")

        # then diff and verify find this row and nothing else
        rows = differences(store)[order_states.name]
        assert (rows.added, rows.gone, rows.changed, rows.columns) == (0, 0, 1, {"promised_by": 1})
        assert rows.samples[0].columns[0].before == "2026-12-24T16:00:00Z"
        (finding,) = verify_store(store).findings
        assert (finding.check, finding.found) == ("row", "promised_by 2026-12-24T16:00:00Z")
        assert order_id in finding.subject

    # and the view names the row, the column and the command
    service("orders").exited(1, ROWS, order_id, "promised_by", f"waybill rebuild order_states --key {order_id}")
    service("rebuild", "order_states", "--key", order_id).done()
    service("orders").done()
    service("diff", "order_states").done()
