"""PostgreSQL connection strings, parsed by libpq, so that all of its options work."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

CONNECT_TIMEOUT_SECONDS = 10
APPLICATION_NAME = "waybill"


def connection_parameters(url: str) -> dict[str, Any]:
    """The parameters of a connection, by libpq's names.

    `url` is postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE; host, port and the rest may also be options.
    Missing values get libpq's defaults, or ours if the default would wait without a limit. Raises ValueError, which
    never shows a part of the password.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as e:
        # libpq's message may quote the password.
        reason = str(e).split('"', 1)[0].strip(" :,\n") or "it cannot be read"
        raise ValueError(
            f"is not a connection string: {reason}; give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with special characters percent-encoded"
        ) from None
    if not (given.get("dbname") or given.get("service")):
        raise ValueError("must name a database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    ours = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "fallback_application_name": APPLICATION_NAME}
    # All text is UTF-8, regardless of environment and database.
    return {**ours, **given, "client_encoding": "utf8"}
