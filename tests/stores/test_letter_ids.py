"""A message has the id of its dead letter in its row while it is not taken, and only then."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill, open_backend
from infra.app.migrate import migrate_store
from infra.settings import Settings
from infra.store.register.letter_ids import letter_id_of
from infra.store.register.tables import messages
from infra.store.schema_version import upgrade
from tests.integration.messages import booked, dispatched, line, placed
from tests.stores.conftest import StoreUrl

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def sqlite_store(no_file: StoreUrl) -> StoreUrl:
    """Paths without a file, for the same reason."""
    return no_file


@pytest.fixture
def postgres_store(empty_database: StoreUrl) -> StoreUrl:
    """Databases without a store: these specifications make the store themselves."""
    return empty_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest) -> Settings:
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return Settings(store=made())


def test_the_id_goes_when_the_message_is_taken(settings: Settings) -> None:
    goods_left = dispatched("SO-1", "2025-03-06T10:00:00Z")
    key = (goods_left["source"], goods_left["id"], "SO-1")
    with Waybill(settings) as waybill:
        # given goods that left, of an order that nobody knows
        take(waybill, goods_left)
        assert ids(waybill) == {key: letter_id_of(*key)}
        # when that order comes, and its booking
        take(
            waybill,
            placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", line(1, 2, "10.00")),
            booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z"),
        )
        # then no message is a letter
        assert len(ids(waybill)) == 3
        assert set(ids(waybill).values()) == {None}


def test_messages_of_a_store_from_before_get_their_ids(settings: Settings) -> None:
    # given a store of the version before, with a message that is refused and one that applied
    backend = open_backend(settings)
    upgrade(backend.engine, "0002")
    with backend.engine.begin() as connection:
        for message_id, verdict in (("1", "refused"), ("2", "applied")):
            connection.execute(
                insert(messages).values(
                    source="/crm",
                    message_id=message_id,
                    subject="SO-1",
                    type="order.cancelled.v1",
                    feed_id=1,
                    last_feed_id=1,
                    offset=0,
                    stream="order-SO-1",
                    version=1,
                    verdict=verdict,
                    reason="",
                    voided=False,
                    recorded_at=NOW,
                    received_at=NOW,
                    waits_in_room=False,
                )
            )
    backend.close()
    # when it is brought up, then the refused one has its id
    assert migrate_store(settings).version_before == "0002"
    with Waybill(settings) as waybill:
        assert ids(waybill) == {
            ("/crm", "1", "SO-1"): letter_id_of("/crm", "1", "SO-1"),
            ("/crm", "2", "SO-1"): None,
        }


def take(waybill: Waybill, *said: dict[str, object]) -> None:
    content = b"\n".join(json.dumps(message).encode() for message in said)
    waybill.ingest().read(JsonLines.of_bytes(f"feed of {len(said)}", content))


def ids(waybill: Waybill) -> dict[tuple[str, ...], str | None]:
    with waybill.engine.connect() as connection:
        rows = connection.execute(select(messages)).all()
    return {(row.source, row.message_id, row.subject): row.letter_id for row in rows}
