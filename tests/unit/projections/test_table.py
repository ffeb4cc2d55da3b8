"""A table is stated once, by its row class: the SQL table, the comments and the rows follow from it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec
import pytest
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from projections.catalogue import PROJECTIONS
from projections.table import Key, RowColumn, RowIndex, RowTable, ValueType, row_maker
from projections.views.tables import sql_table, table_of

POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


class Weighing(NamedTuple):
    """One row for each weighing
    of a parcel.
    """

    parcel_id: Annotated[str, Key("The parcel.")]
    weighed_at: Annotated[datetime, Key("When.")]
    kilograms: Annotated[Decimal, "What it weighed."]
    scales: Annotated[int | None, "Which scales; null by hand."]
    fits: Annotated[bool, "Whether it fits."]


weighings = RowTable("weighings", Weighing, (RowIndex("fitting", ("kilograms",), where={"scales": None}),))


class Parcel(msgspec.Struct, frozen=True):
    """The summary from which weighings are made."""

    parcel_id: str
    kilograms: Decimal
    scales: int | None = None


def test_columns_follow_from_the_row_class() -> None:
    assert weighings.columns == (
        RowColumn("parcel_id", ValueType.TEXT, False, True, "The parcel."),
        RowColumn("weighed_at", ValueType.INSTANT, False, True, "When."),
        RowColumn("kilograms", ValueType.AMOUNT, False, False, "What it weighed."),
        RowColumn("scales", ValueType.WHOLE, True, False, "Which scales; null by hand."),
        RowColumn("fits", ValueType.BOOLEAN, False, False, "Whether it fits."),
    )
    assert (weighings.key, weighings.subject, weighings.doc) == (
        ("parcel_id", "weighed_at"),
        "parcel_id",
        "One row for each weighing of a parcel.",
    )


def test_the_sql_table_follows_from_it() -> None:
    table = sql_table(weighings, MetaData())
    on_postgresql = str(CreateTable(table).compile(dialect=POSTGRESQL))
    assert 'parcel_id TEXT COLLATE "C" NOT NULL' in on_postgresql
    assert "weighed_at TIMESTAMP WITH TIME ZONE NOT NULL" in on_postgresql
    assert "kilograms NUMERIC NOT NULL" in on_postgresql
    assert "scales INTEGER, " in on_postgresql
    assert "PRIMARY KEY (parcel_id, weighed_at)" in on_postgresql
    assert (table.comment, table.c.kilograms.comment) == (weighings.doc, "What it weighed.")
    (index,) = table.indexes
    for dialect in (sqlite.dialect(), POSTGRESQL):
        assert "(kilograms) WHERE scales IS NULL" in str(CreateIndex(index).compile(dialect=dialect))


def test_every_table_of_the_projections_says_what_it_and_its_columns_mean() -> None:
    declared = [
        table
        for projection in PROJECTIONS
        for table in (*projection.tables, *(totals.table for totals in projection.totals))
    ]
    for table in declared:
        assert table.doc and all(column.doc for column in table.columns)
        assert tuple(table_of(table).columns.keys()) == table.names


def test_a_column_that_does_not_say_what_it_means_is_an_error() -> None:
    class Unsaid(NamedTuple):
        parcel_id: str

    with pytest.raises(TypeError, match=r"unsaid\.parcel_id says not what it means"):
        _ = RowTable("unsaid", Unsaid).columns


def test_a_column_of_a_type_that_no_store_has_is_an_error() -> None:
    class Odd(NamedTuple):
        parcel_id: Annotated[complex, Key("The parcel.")]

    with pytest.raises(TypeError, match=r"odd\.parcel_id is <class 'complex'>"):
        _ = RowTable("odd", Odd).columns


def test_rows_are_made_of_a_summary_and_of_what_is_given() -> None:
    make = row_maker(Weighing, Parcel, "weighed_at", "fits")
    at = datetime(2026, 3, 2)
    made = make(Parcel("P-1", Decimal(2)), fits=True, weighed_at=at)
    assert made == Weighing(parcel_id="P-1", weighed_at=at, kilograms=Decimal(2), scales=None, fits=True)
    assert isinstance(made, Weighing)


@pytest.mark.parametrize("given", [("weighed_at",), ("weighed_at", "fits", "colour")])
def test_a_column_that_is_neither_given_nor_seen_is_an_error(given: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match=f"{'colour' if 'colour' in given else 'fits'}: not in Parcel"):
        row_maker(Weighing, Parcel, *given)
