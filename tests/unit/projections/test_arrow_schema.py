"""Arrow's schema of a projection's rows follows from the row class."""

import pyarrow

from infra.export.arrow_schema import schema_of_table
from projections.order_states import OrderState, order_states
from tests.unit.domain.facts import booked, placed
from tests.unit.projections.specification import shaped_rows


def test_the_schema_has_the_columns_types_and_meanings_of_the_row_class() -> None:
    schema = schema_of_table(order_states)
    assert tuple(schema.names) == OrderState._fields
    assert schema.field("order_id").equals(pyarrow.field("order_id", pyarrow.string(), nullable=False))
    assert schema.field("valid_to").equals(pyarrow.field("valid_to", pyarrow.timestamp("us", tz="UTC"), nullable=True))
    assert (str(schema.field("open_value").type), str(schema.field("expedites_open").type)) == (
        "decimal128(38, 6)",
        "int64",
    )
    assert schema.field("order_id").metadata[b"doc"] == b"The order."


def test_shaped_rows_fit_into_it() -> None:
    rows = shaped_rows(order_states, placed(8), booked(9))
    columns = [
        pyarrow.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), schema_of_table(order_states), strict=True)
    ]
    read_back = pyarrow.record_batch(columns, schema=schema_of_table(order_states)).to_pylist()
    assert order_states.rows(row.values() for row in read_back) == rows
