"""given rates that an analyst filled in, then the page's question has one currency, and shows what has no rate."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.analysts import grant_analyst, revoke_analyst
from infra.app.container import Waybill
from infra.app.export import export_rows, relation_named
from infra.queries.views import Asked
from infra.settings import Settings
from infra.sql_views import postgres
from infra.sql_views.relations import Relation, relations
from tests.integration.messages import line, placed
from tests.stores.conftest import StoreUrl
from tests.stores.test_analysts_schema import HOLD, Role, as_role, queried, role, store

__all__ = ["role", "store"]  # fixtures

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text("utf-8")
FILLS = PAGE.split("```\nINSERT INTO")[1].split("```")[0]
QUESTIONS = [sql for sql in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if "exchange_rates" in sql]
OWED = (("SO-1", "USD", "100.00"), ("SO-2", "USD", "50.00"), ("SO-3", "EUR", "30.00"), ("SO-4", "GBP", "20.00"))


def filled(url: str) -> Waybill:
    """A store with overdue orders in three currencies."""
    waybill = Waybill(Settings(store=url))
    orders = [
        placed(order, "2026-06-01T09:00:00Z", "2026-06-02T12:00:00Z", line(1, 1, price), currency=currency)
        for order, currency, price in OWED
    ]
    waybill.ingest().read(JsonLines.of_bytes("orders", "\n".join(map(json.dumps, orders)).encode()))
    waybill.project()
    return waybill


def in_euros(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (row["currency"], row["orders"], row["in_eur"], row["total_in_eur"], row["orders_without_rate"]) for row in rows
    ]


@pytest.mark.postgres
def test_a_role_that_may_fill_in_rates_does_and_any_analyst_asks(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        # given
        treasury, analyst = (as_role(waybill.settings.store, role(name)) for name in ("treasury", "analyst"))
        names = [re.findall(r"//(\w+)@", url)[0] for url in (treasury, analyst)]
        assert grant_analyst(waybill, names[0], fills_rates=True) == []
        assert grant_analyst(waybill, names[1]) == []
        # when the page's rates are filled in, and its question is asked
        with psycopg.connect(treasury) as connection:
            connection.execute("INSERT INTO" + FILLS)
        rows = queried(analyst, QUESTIONS[0])
        # then the rate of that day counts, and what has no rate is shown and left out of the total
        total = Decimal("140.10") + Decimal("30.00")
        assert in_euros(rows) == [
            ("EUR", 1, Decimal("30.00"), total, 1),
            ("GBP", 1, None, total, 1),
            ("USD", 2, Decimal("140.10"), total, 1),
        ]
        assert rows[2]["rate_of"] == date(2026, 6, 15)
        # and the other analyst writes nothing, nor does the first anything else
        for url, sql in (
            (analyst, "DELETE FROM waybill.exchange_rates"),
            (treasury, "DELETE FROM public.exchange_rates"),
            (treasury, "TRUNCATE waybill.exchange_rates"),
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)):
                queried(url, sql)
        # and the right outlives new definitions of the relations, but not its revoking
        other = [_shorter(one) if one.name == "exchange_rates" else one for one in relations(HOLD)]
        assert postgres.define(waybill.engine, other)
        assert postgres.define(waybill.engine, relations(HOLD))
        with psycopg.connect(treasury) as connection:
            connection.execute("UPDATE waybill.exchange_rates SET rate = 0.5")
        revoke_analyst(waybill, names[0])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            queried(treasury, "SELECT * FROM waybill.exchange_rates")


def _shorter(relation: Relation) -> Relation:
    """The relation as an earlier version had it, so that its view must be dropped."""
    return Relation(
        relation.name,
        relation.description,
        {"rate": "The rate."},
        lambda as_of: relation.question(as_of).with_only_columns(relation.question(as_of).selected_columns["rate"]),
        relation.table,
    )


def test_on_sqlite_whoever_may_write_the_file_does(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    with filled(sqlite_store()) as waybill:
        with closing(sqlite3.connect(waybill.settings.sqlite_path or "")) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("INSERT INTO" + FILLS.replace("waybill.", ""))
            connection.commit()
            rows = [dict(row) for row in connection.execute(QUESTIONS[1])]
        assert in_euros(rows) == [("EUR", 1, 30.0, 170.1, 1), ("GBP", 1, None, 170.1, 1), ("USD", 2, 140.1, 170.1, 1)]
        # and an export has them, by any clocks
        for asked in (Asked(), Asked(known_at=datetime(2026, 6, 1, tzinfo=UTC))):
            export_rows(
                waybill, relation_named(waybill.exports.relations, "exchange_rates"), tmp_path / "r.parquet", asked
            )
            rates = pyarrow.parquet.read_table(tmp_path / "r.parquet").to_pylist()
            assert [(row["valid_from"], row["rate"]) for row in rates] == [
                (date(2026, 6, 1), Decimal("0.921")),
                (date(2026, 6, 15), Decimal("0.934")),
            ]


WRONG = [
    ("usd", "EUR", "2026-06-01", "1"),
    ("EUR", "EUR", "2026-06-01", "1"),
    ("USD", "EUR", "2026-06-01", "0"),
    ("USD", "EUR", "2026-06-01", "-1"),
    ("USD", "EUR", "2026-06-01", "NaN"),
    ("USD", "EUR", "2026-06-01", "0.1234567890123"),
    ("USD", "EUR", "2026-06-01", "1000000000000"),
    ("USD", "EUR", "2026-02-30", "1"),
]


def test_a_rate_that_is_none_is_refused(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as waybill:
        for values in WRONG:
            written = ", ".join(f"'{value}'" for value in values)
            with waybill.engine.connect() as connection, pytest.raises(Exception, match=r"(?i)constraint|out of range"):
                connection.exec_driver_sql(f"INSERT INTO exchange_rates VALUES ({written}, 'a bank')")
