"""What waits, what has expired and what is dead, by the instant before which a message was received too long ago."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select, text

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.register.dead import has_expired, is_dead, still_waits
from infra.store.register.tables import messages
from tests.integration.messages import dispatched, placed
from tests.stores.conftest import StoreUrl

RECEIVED = datetime(2025, 3, 20, 12, tzinfo=UTC)
JUST_AFTER = RECEIVED + timedelta(microseconds=1)

APPLIED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="applied")
REFUSED = placed("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T16:00:00Z", id="refused", rep_id="rep-2")
HELD = dispatched("SO-2", "2025-03-05T09:00:00Z", id="held")


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A service that received all three at one instant."""
    with Waybill(Settings(store=new_store()), lambda: RECEIVED) as service:
        content = b"\n".join(json.dumps(message).encode() for message in (APPLIED, REFUSED, HELD))
        service.ingest().read(JsonLines.of_bytes("three", content))
        yield service


def found(waybill: Waybill, which: ColumnElement[bool]) -> set[str]:
    with waybill.engine.connect() as connection:
        return set(connection.execute(select(messages.c.message_id).where(which)).scalars())


def test_a_held_message_waits_while_the_limit_is_no_later_than_its_receipt(waybill: Waybill) -> None:
    assert found(waybill, still_waits(RECEIVED)) == {"held"}
    assert found(waybill, has_expired(RECEIVED)) == set()
    assert found(waybill, is_dead(RECEIVED)) == {"refused"}


def test_after_that_it_has_expired_and_is_dead_as_the_refused_are(waybill: Waybill) -> None:
    assert found(waybill, still_waits(JUST_AFTER)) == set()
    assert found(waybill, has_expired(JUST_AFTER)) == {"held"}
    assert found(waybill, is_dead(JUST_AFTER)) == {"refused", "held"}


@pytest.mark.parametrize("condition", [still_waits, has_expired, is_dead])
def test_no_question_about_them_reads_the_messages_that_were_taken(
    condition: Callable[[datetime], ColumnElement[bool]], sqlite_store: StoreUrl
) -> None:
    with Waybill(Settings(store=sqlite_store())) as waybill, waybill.engine.connect() as connection:
        asked = select(messages.c.message_id).where(condition(RECEIVED))
        question = asked.compile(waybill.engine, compile_kwargs={"literal_binds": True})
        plan: list[Any] = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {question}"))]
    assert all("USING" in step and "INDEX messages_not_taken" in step for step in plan), plan
