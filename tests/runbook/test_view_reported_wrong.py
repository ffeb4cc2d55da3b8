"""Incident 11: somebody edited rows of a view by hand."""

import sqlite3
from contextlib import closing

from infra.store.projected.tables import stored_tables
from projections.order_states import ORDER_STATES, order_states, rep_open_orders
from tests.integration.command import Command
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated


def test_a_view_is_reported_wrong(waybill: Command, other: Command) -> None:
    lines = simulated(60)
    waybill.ingest(*lines)
    states, totals = (stored_tables(ORDER_STATES)[table].name for table in (order_states, rep_open_orders))
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute(f"UPDATE {states} SET account_id = 'AC-1' WHERE order_id = 'SO-100002'")
        connection.execute(f"DELETE FROM {states} WHERE order_id = 'SO-100003'")
        connection.execute(f"UPDATE {totals} SET open_orders = open_orders + 1 WHERE rep_id = 'rep-4'")
    incident = Player("A view is reported wrong", waybill)

    incident.play(exits=(0, 0, 1))
    incident.play()
    incident.play()
    incident.over()
    assert_as_without(waybill, other, lines)
