"""The library's pool of connections, with our sessions."""

from typing import Any

from eventsourcing.postgres import ConnectionPool, PostgresFactory
from eventsourcing.utils import Environment, EnvType, get_topic
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from infra.store.opening import Access
from infra.store.postgres.sessions import SCHEMA, Sessions

LOCK_TIMEOUT_SECONDS = 60
POOL_SIZE, POOL_MAX_SIZE = 1, 5
_STORE, _ACCESS = "WAYBILL_STORE_URL", "WAYBILL_STORE_ACCESS"


class StoreFactory(PostgresFactory):
    """The library's factory. It supports only host, port, name and password, so its pool is replaced."""

    def __init__(self, env: Environment | EnvType | None):
        super().__init__(env)
        sessions = Sessions(self.env[_STORE], read_only=self.env[_ACCESS] == Access.READING.value)
        prepare_as_library = self.datastore.after_connect_func()

        def prepare(connection: Connection[Any]) -> None:
            prepare_as_library(connection)
            sessions.prepare(connection)

        self.datastore.pool = ConnectionPool(
            connection_class=Connection[DictRow],
            kwargs={**sessions.parameters, "row_factory": dict_row},
            min_size=POOL_SIZE,
            max_size=POOL_MAX_SIZE,
            open=False,
            configure=prepare,
        )


def library_environment(url: str, access: Access, *, tables_to_make: bool) -> dict[str, str]:
    """The library's configuration of a store; StoreFactory handles the connection."""
    return {
        "PERSISTENCE_MODULE": get_topic(StoreFactory),
        _STORE: url,
        _ACCESS: access.value,
        **dict.fromkeys(("POSTGRES_DBNAME", "POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_PASSWORD"), ""),
        "POSTGRES_SCHEMA": SCHEMA,
        "POSTGRES_LOCK_TIMEOUT": str(LOCK_TIMEOUT_SECONDS),
        "CREATE_TABLE": "yes" if tables_to_make else "no",
        "ORIGINATOR_ID_TYPE": "text",
    }
