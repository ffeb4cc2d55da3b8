"""COPY in PostgreSQL's binary format of Arrow's columns, without a Python object for each value.

A row is a number of fields, and each field its length and its bytes, all in network order. So every column becomes two
columns of bytes, lengths and values, and Arrow joins them row by row: the joined rows lie one after another in memory,
just as PostgreSQL reads them.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import PyFormat

from infra.export.arrow_schema import pyarrow
from projections.table import ValueType

# Source: PostgreSQL's documentation, COPY, "Binary Format".
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = -1
_EPOCH_MICROSECONDS = 946_684_800_000_000
_EPOCH_DAYS = 10_957
"""PostgreSQL counts from 2000-01-01, and Arrow from 1970-01-01."""


def copy_columns(cursor: psycopg.Cursor[Any], target: str, types: Sequence[ValueType], columns: Sequence[Any]) -> None:
    """Copy Arrow's columns of these types to `target`, a table with the names of its columns; amounts are text.

    Raises pyarrow.ArrowInvalid for a whole number that is too large for its column.
    """
    fields: list[Any] = [pyarrow().scalar(struct.pack(">h", len(columns)), pyarrow().large_binary())]
    for value_type, column in zip(types, columns, strict=True):
        fields += _FIELDS[value_type](column)
    rows = _compute().binary_join_element_wise(*fields, pyarrow().scalar(b"", pyarrow().large_binary()))
    with cursor.copy(f"COPY {target} FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_HEADER)
        copy.write(rows.buffers()[2])
        copy.write(_TRAILER)


def _texts(column: Any) -> list[Any]:
    return _of_any_length(column.cast(pyarrow().large_binary()))


def _amounts(column: Any) -> list[Any]:
    # There are few different ones, so each is encoded once.
    arrow = pyarrow()
    dump = psycopg.adapters.get_dumper(Decimal, PyFormat.BINARY)(Decimal).dump
    encoded = column.dictionary_encode()
    values = [bytes(dump(Decimal(each)) or b"") for each in encoded.dictionary.to_pylist()]
    return _of_any_length(arrow.array(values, arrow.large_binary()).take(encoded.indices))


def _whole(column: Any) -> list[Any]:
    return _of_one_length(column, 4, _in_network_order(column.cast(pyarrow().int32()), "i"))


def _instants(column: Any) -> list[Any]:
    return _of_one_length(column, 8, _in_network_order(_less(column.cast(pyarrow().int64()), _EPOCH_MICROSECONDS), "q"))


def _days(column: Any) -> list[Any]:
    return _of_one_length(column, 4, _in_network_order(_less(column.cast(pyarrow().int32()), _EPOCH_DAYS), "i"))


def _booleans(column: Any) -> list[Any]:
    kind = pyarrow().large_binary()
    values = _compute().if_else(column, pyarrow().scalar(b"\1", kind), pyarrow().scalar(b"\0", kind))
    return _of_one_length(column, 1, values)


_FIELDS: Mapping[ValueType, Callable[[Any], list[Any]]] = {
    ValueType.TEXT: _texts,
    ValueType.WHOLE: _whole,
    ValueType.BOOLEAN: _booleans,
    ValueType.INSTANT: _instants,
    ValueType.AMOUNT: _amounts,
    ValueType.RATE: _amounts,
    ValueType.DAY: _days,
}


def _less(column: Any, epoch: int) -> Any:
    return _compute().subtract_checked(column, pyarrow().scalar(epoch, column.type))


def _of_any_length(values: Any) -> list[Any]:
    lengths = _compute().binary_length(values).cast(pyarrow().int32()).fill_null(_NULL)
    return [_in_network_order(lengths, "i"), values.fill_null(pyarrow().scalar(b"", values.type))]


def _of_one_length(column: Any, length: int, values: Any) -> list[Any]:
    arrow = pyarrow()
    of_a_value = arrow.scalar(struct.pack(">i", length), arrow.large_binary())
    if not column.null_count:
        return [of_a_value, values]
    of_none, empty = (arrow.scalar(some, arrow.large_binary()) for some in (struct.pack(">i", _NULL), b""))
    given = column.is_valid()
    return [_compute().if_else(given, of_a_value, of_none), _compute().if_else(given, values, empty)]


def _in_network_order(numbers: Any, code: str) -> Any:
    """The bytes of each number; those of a null are any."""
    arrow = pyarrow()
    width = array(code).itemsize
    swapped = array(code)
    swapped.frombytes(
        memoryview(numbers.buffers()[1])[numbers.offset * width : (numbers.offset + len(numbers)) * width]
    )
    if sys.byteorder == "little":
        swapped.byteswap()
    fixed = arrow.Array.from_buffers(arrow.binary(width), len(numbers), [None, arrow.py_buffer(swapped)])
    return fixed.cast(arrow.large_binary())


def _compute() -> Any:
    # Imported here: the package is an optional extra.
    from pyarrow import compute

    return compute
