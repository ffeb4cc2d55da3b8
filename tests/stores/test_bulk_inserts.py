"""Bulk inserts: every value arrives exactly, and one that its column cannot hold is refused as data."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    select,
)

from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.bulk import BulkInsert
from infra.store.retries import is_the_stores_own
from projections.views.columns import Amount, Day, Instant, Name
from tests.stores.conftest import StoreUrl

values = Table(
    "values_of_each_type",
    MetaData(),
    Column("key", Integer, primary_key=True),
    Column("n", Integer),
    Column("text", Text),
    Column("name", Name),
    Column("long", BigInteger),
    Column("yes", Boolean),
    Column("bytes", LargeBinary),
    Column("at", Instant),
    Column("amount", Amount),
    Column("day", Day),
    prefixes=["TEMPORARY"],
)
COLUMNS = [column.name for column in values.columns]
NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS)
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def connection(new_store: StoreUrl) -> Iterator[Connection]:
    with Waybill(Settings(store=new_store())) as waybill, waybill.engine.connect() as connection:
        values.create(connection)
        yield connection


def insert(connection: Connection, *rows: dict[str, Any]) -> None:
    BulkInsert(values, connection.engine)(connection, [tuple({**NOTHING, **row}.values()) for row in rows])


VALUES: dict[str, list[Any]] = {
    "n": [0, -(2**31), 2**31 - 1],
    "text": ["", "naïve ☃ 😀 \u0301", "\\N", "\\.", "a\tb\nc\rd", "\x01\x7f", '"quoted", {braced}'],
    "name": ["Ærøskøbing", "ALFKI"],
    "long": [0, -(2**63), 2**63 - 1, 2**31],
    "yes": [True, False],
    "bytes": [b"", b"\x00\xff\\n", "☃".encode()],
    "at": [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 2, 29, 1, 2, 3, 123457, tzinfo=INDIA),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    ],
    "amount": [
        *map(Decimal, ("0", "0.00", "1.5", "1.50", "-1.000000", "0.000001", "10000", "99990000.00010000")),
        *map(Decimal, ("999999999999999.999999", "-999999999999999.999999")),
    ],
    "day": ["0001-01-01", "2024-02-29", "9999-12-31"],
}
TOO_MUCH: list[dict[str, Any]] = [
    *({"n": 2**31}, {"n": -(2**31) - 1}, {"n": 2**64}, {"n": "one"}, {"long": 2**63}),
    *({"text": "a\x00b"}, {"text": "\ud800"}, {"amount": Decimal("1E+131073")}),
    *({"at": "yesterday"}, {"day": "2024-02-30"}),
]


def test_every_value_arrives_as_it_was_given(connection: Connection) -> None:
    for column, those in VALUES.items():
        # given rows with each value, and one without
        rows = [*those, None]
        insert(connection, *({"key": number, column: value} for number, value in enumerate(rows)))
        # then they are read back, amounts with all their places: 1.5 equals 1.50
        found = list(connection.execute(select(values.c[column]).order_by(values.c.key)).scalars())
        assert list(map(repr, found)) == [
            repr(value.astimezone(UTC) if isinstance(value, datetime) else value) for value in rows
        ]
        # and what was not given is null
        others = [values.c[name] for name in COLUMNS if name not in ("key", column)]
        assert {value for row in connection.execute(select(*others)) for value in row} == {None}
        connection.execute(delete(values))


@pytest.mark.postgres
def test_postgresql_refuses_a_value_that_its_column_cannot_hold(postgres_store: StoreUrl) -> None:
    with Waybill(Settings(store=postgres_store())) as waybill, waybill.engine.connect() as connection:
        values.create(connection)
        for row in TOO_MUCH:
            with pytest.raises(Exception) as refused, connection.begin_nested():
                insert(connection, {"key": 1}, {"key": 2, **row})
            # then it is the data's fault, so nobody waits for the store to recover
            assert not is_the_stores_own(refused.value), row
        # and nothing was stored
        assert not connection.execute(select(values)).all()
