"""The options with which a person chooses the columns of a table: --columns and --wide."""

from collections.abc import Sequence
from typing import Annotated

import typer

from infra.cli.tables.columns import ColumnChoice, UnknownColumnError, chosen_columns

ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", help="Only these columns, in this order; for JSON and CSV too."),
]
WideOption = Annotated[
    bool, typer.Option("--wide", help="All columns whole, even if lines are longer than the terminal.")
]


def read_choice(columns: str | None, wide: bool, known: Sequence[str]) -> ColumnChoice:
    """The choice that these options make. Raises BadParameter for a column that is not `known`."""
    try:
        return ColumnChoice(None if columns is None else chosen_columns(columns, known), wide)
    except UnknownColumnError as e:
        raise typer.BadParameter(str(e), param_hint="--columns") from None
