"""Tables that are filled from empty: on PostgreSQL their indexes are made when all rows are there.

One index of all rows costs less than keeping it up row by row, and blocks nobody, since nobody uses the build yet. On
SQLite it would block writers of the whole store while it is made, and it gains nothing: most indexes are partial.
"""

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.schema import CreateIndex


def create_to_fill(connection: Connection, table: Table) -> None:
    """Create a table with its primary key; on SQLite with its indexes too."""
    if connection.dialect.name == "postgresql":
        table = table.to_metadata(MetaData())
        table.indexes.clear()
    table.create(connection)


def make_indexes(connection: Connection, table: Table) -> None:
    """Make the indexes of a filled table that are missing, and let the server count its rows for its plans."""
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        # Not with `checkfirst`: on SQLite the library does not see indexes of expressions.
        connection.execute(CreateIndex(index, if_not_exists=True))
    if connection.dialect.name == "postgresql":
        quoted = connection.dialect.identifier_preparer.quote(table.name)
        connection.execute(text(f"ANALYZE {quoted}"))
