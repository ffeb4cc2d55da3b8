"""A table of rows, defined by its row class: each column's name, type, key, nullability and meaning.

From a `RowTable` follow the SQLAlchemy table (projections/views/tables.py), the comments that analysts read, Arrow's
schema (infra/export/arrow_schema.py), and the rows that are read back. This module does not depend on a database.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import NoneType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

Row = tuple[Any, ...]
R = TypeVar("R", bound=Row)


class ValueType(Enum):
    """The types of columns, on every store and in every export."""

    TEXT = "text, compared and sorted by code point"
    WHOLE = "a whole number"
    BOOLEAN = "true or false"
    INSTANT = "an aware instant, in UTC, to the microsecond"
    AMOUNT = "an exact decimal"
    RATE = "an exact decimal with up to 12 places"
    DAY = "a day, YYYY-MM-DD"
    HOURS = "hours, as a decimal with two places; computed by questions, never stored"


_VALUE_TYPES: Mapping[type, ValueType] = {
    str: ValueType.TEXT,
    int: ValueType.WHOLE,
    bool: ValueType.BOOLEAN,
    datetime: ValueType.INSTANT,
    Decimal: ValueType.AMOUNT,
}


class Key(NamedTuple):
    """Marks a column of the primary key and gives its meaning: `order_id: Annotated[str, Key("The order.")]`."""

    doc: str


class RowColumn(NamedTuple):
    """One column: a field of the row class."""

    name: str
    type: ValueType
    nullable: bool
    key: bool
    doc: str


@dataclass(frozen=True)
class RowIndex:
    """An index. With `where` it has only the rows with these values (None: null), which all its queries select.

    With `of_lengths` it is for questions about the past to a table of periods: before `columns` it has the class of a
    period's length, and its valid_from (projections/views/in_force.py).
    """

    name: str
    columns: tuple[str, ...] = ()
    where: Mapping[str, str | None] = field(default_factory=dict)
    of_lengths: bool = False


@dataclass(frozen=True, eq=False)
class RowTable(Generic[R]):
    """A table whose rows are `row`s, a NamedTuple. The row class's docstring says what one row represents.

    Each field is Annotated with its meaning, or with `Key` of it; `| None` makes it nullable. The first field is the id
    of the row's subject (in a table of totals: the key of the sums).
    """

    name: str
    row: Callable[..., R]
    indexes: tuple[RowIndex, ...] = ()

    @cached_property
    def columns(self) -> tuple[RowColumn, ...]:
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(self.name, name, hint) for name, hint in hints.items())

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def subject(self) -> str:
        """The column with the subject's id."""
        return self.names[0]

    @property
    def doc(self) -> str:
        """What one row represents."""
        return " ".join((self.row.__doc__ or "").split())

    def rows(self, found: Iterable[Iterable[Any]]) -> list[R]:
        """Rows from values in the order of the columns."""
        return [self.row(*values) for values in found]


def _column(table: str, name: str, hint: Any) -> RowColumn:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{table}.{name} says not what it means: annotate it, as in Annotated[str, 'The order.']")
    declared, said = get_args(hint)[:2]
    alternatives = get_args(declared)
    types = [each for each in alternatives or (declared,) if each is not NoneType]
    if len(types) != 1 or types[0] not in _VALUE_TYPES:
        raise TypeError(
            f"{table}.{name} is {declared}; a column is one of {', '.join(t.__name__ for t in _VALUE_TYPES)}"
        )
    key = isinstance(said, Key)
    return RowColumn(name, _VALUE_TYPES[types[0]], NoneType in alternatives, key, said.doc if key else said)


def row_maker(row: type[R], summary: type[Any], *given: str) -> Callable[..., R]:
    """A function that makes a row from a subject's summary and a keyword for each of `given`.

    Every other column is the summary's field of its name. Raises TypeError if there is none. It is for rows made by the
    hundred thousand: it is compiled once, like a named tuple's constructor, and takes a quarter of the time of a call
    with 22 keywords.
    """
    names: tuple[str, ...] = row._fields  # type: ignore[attr-defined]
    seen = [name for name in names if name not in given]
    if unknown := [*({*seen} - {*summary.__struct_fields__}), *({*given} - {*names})]:
        raise TypeError(f"{', '.join(unknown)}: not in {summary.__name__} and given, or not in {row.__name__}")
    values = ", ".join(name if name in given else f"_summary.{name}" for name in names)
    scope = {"_new": tuple.__new__, "_row": row}
    return eval(f"lambda _summary, {', '.join(given)}: _new(_row, ({values},))", scope)  # type: ignore[no-any-return]
