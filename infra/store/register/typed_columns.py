"""Columns derived from a typed row: each field is a column, and its annotation is the column's type."""

from collections.abc import Iterable
from datetime import datetime
from types import NoneType
from typing import Any, NewType, get_args, get_type_hints

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from projections.views.columns import Instant

Serial = NewType("Serial", int)
"""A number assigned by the store, such as a feed's: 32 bits. Other integers have 64."""

_TYPES: dict[Any, TypeEngine[Any]] = {
    str: Text(),
    Serial: Integer(),
    int: BigInteger(),
    bool: Boolean(),
    datetime: Instant(),
    bytes: LargeBinary(),
}


def columns_of(row: type[tuple[Any, ...]], key: Iterable[str] = ()) -> list[Column[Any]]:
    """The columns of a NamedTuple's fields, in their order; `key` names those of the primary key.

    A field that may be None is nullable. Raises KeyError for an annotation without a column type.
    """
    keys = frozenset(key)
    columns: list[Column[Any]] = []
    for name, annotation in get_type_hints(row).items():
        alternatives = [one for one in get_args(annotation) or (annotation,) if one is not NoneType]
        (python_type,) = alternatives
        nullable = NoneType in get_args(annotation)
        columns.append(Column(name, _TYPES[python_type], primary_key=name in keys, nullable=nullable))
    return columns
