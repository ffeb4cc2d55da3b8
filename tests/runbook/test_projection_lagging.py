"""Incident 4: one projection is paused and was forgotten, and another one cannot write the rows of one order."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from infra.store.projected.tables import stored_tables
from projections.shipments import SHIPMENTS, shipment_periods
from tests.integration.command import Command
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated

BEFORE = 200
"""How many messages come before the incident."""
REFUSED = "SO-100057"


def test_a_projection_that_lags(waybill: Command, other: Command) -> None:
    lines = simulated(60)
    waybill.ingest(*lines[:BEFORE])
    waybill("pause", "order_lines", "--operator", "ann", "--reason", "looking at a slow query").done()
    table = stored_tables(SHIPMENTS)[shipment_periods].name
    typed(
        waybill,
        f"CREATE TRIGGER no_vans BEFORE INSERT ON {table} WHEN NEW.order_id = '{REFUSED}' "
        "BEGIN SELECT RAISE(ABORT, 'no such carrier'); END",
    )
    waybill.ingest(*lines[BEFORE:], name="more.jsonl")

    def sqlite(words: Sequence[str]) -> str:
        typed(waybill, words[2])
        return ""

    incident = Player("Projection lagging", waybill, others={"sqlite3": sqlite})

    incident.play(exits=1)
    incident.play()
    incident.play()
    incident.play()
    incident.play()
    incident.over()
    assert_as_without(waybill, other, lines)


def typed(waybill: Command, statement: str) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute(statement)
