"""A missing table of a projection is named with the projection, on each database."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from infra.store.missing_table import missing_projection
from projections.catalogue import every_projection


@pytest.mark.parametrize(
    ("error", "projection"),
    [
        (sqlite3.OperationalError("no such table: order_beliefs_v501"), "order_beliefs"),
        (sqlite3.OperationalError("no such table: main.rep_open_orders_v5_b2"), "order_states"),
        (psycopg.errors.UndefinedTable('relation "order_states_v5_b1" does not exist\nLINE 1: …'), "order_states"),
        (psycopg.errors.UndefinedTable('relation "waybill.unapplied_beliefs_v501" does not exist'), "order_beliefs"),
        (sqlite3.OperationalError("no such table: api_keys"), None),
        (sqlite3.OperationalError("database is locked"), None),
    ],
)
def test_the_projection_of_a_missing_table(error: Exception, projection: str | None) -> None:
    wrapped = OperationalError if isinstance(error, sqlite3.Error) else ProgrammingError
    assert missing_projection(wrapped("SELECT 1", {}, error), every_projection()) == projection
