"""Errors of PostgreSQL's driver, named without importing it.

The driver takes a tenth of a second to import, and SQLite does not need it. An error of the driver exists only after
the driver was imported, so while it is not, no error is one. See docs/decisions/032-start-up.md.
"""

import sys
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    import psycopg


def postgres_errors() -> tuple[type[Exception], ...]:
    """The class of all errors of the driver; empty while it is not imported."""
    driver = sys.modules.get("psycopg")
    return () if driver is None else (driver.Error,)


def is_postgres_error(error: object) -> TypeGuard["psycopg.Error"]:
    """Whether the driver raised this error."""
    return isinstance(error, postgres_errors())


def is_connection_failure(error: object) -> bool:
    """Whether the connection failed or could not be made."""
    if not is_postgres_error(error):
        return False
    import psycopg

    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def is_postgres_failure(error: object) -> bool:
    """Whether the server or the connection failed, and not the statement or its data."""
    if not is_postgres_error(error):
        return False
    import psycopg

    return isinstance(error, psycopg.OperationalError | psycopg.InternalError | psycopg.InterfaceError)
