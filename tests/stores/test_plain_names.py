"""The step to version 0005 renames tables: malformed messages are kept whole, and old snapshots are dropped."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from infra.app.container import Waybill, open_backend
from infra.app.migrate import migrate_store
from infra.settings import Settings
from infra.store.register.tables import malformed_messages, snapshots
from infra.store.schema_version import upgrade
from tests.stores.conftest import StoreUrl

RECEIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def sqlite_store(no_file: StoreUrl) -> StoreUrl:
    """Paths without a file, for the same reason."""
    return no_file


@pytest.fixture
def postgres_store(empty_database: StoreUrl) -> StoreUrl:
    """Databases without a store: these specifications make the store themselves."""
    return empty_database


def test_malformed_messages_survive_it_whole(new_store: StoreUrl) -> None:
    # given a store of version 0004 with a malformed message that came twice, and a snapshot
    settings = Settings(store=new_store())
    backend = open_backend(settings)
    upgrade(backend.engine, "0004")
    on_sqlite = backend.engine.dialect.name == "sqlite"
    with backend.engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO letters (letter_id, feed_id, last_feed_id, "offset", reason, body, headers, received_at, '
                "repeats) VALUES ('orders/2/7', 1, 3, 7, 'no JSON', :body, '[]', :received, 1)"
            ),
            {"body": b"\xff{", "received": int(RECEIVED.timestamp() * 1_000_000) if on_sqlite else RECEIVED},
        )
        connection.execute(text("INSERT INTO kept_settlings (stream, version, kept) VALUES ('order-1', 30, NULL)"))
    backend.close()
    # when it is migrated
    migrate_store(settings)
    # then the message is there, every column of it, and the snapshot is not
    with Waybill(settings) as waybill, waybill.engine.connect() as connection:
        (row,) = connection.execute(select(malformed_messages)).all()
        assert row._asdict() == {
            "letter_id": "orders/2/7",
            "feed_id": 1,
            "last_feed_id": 3,
            "offset": 7,
            "reason": "message: must be UTF-8, but is not at byte 0",  # it was read again
            "body": b"\xff{",
            "headers": "[]",
            "received_at": RECEIVED,
            "repeats": 1,
            "discarded_at": None,
            **dict.fromkeys(("claimed_source", "claimed_id", "claimed_subject", "claimed_type", "claimed_time")),
        }
        assert connection.execute(select(snapshots)).all() == []
