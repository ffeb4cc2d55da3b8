"""A publisher's trace context: from the message into the event, and from there onto the relay's record."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.contract import ReadingRules, WellFormed, read_record
from consumers.ingest.register import MessageKey
from consumers.relay import effects
from consumers.relay.effects import Turn
from domain.events import VerdictChanged
from domain.fact import Fact
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.messages import placed
from tests.stores.histories import take_in

SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
ORDER = placed("SO-1", "2026-03-03T09:00:00Z", "2026-03-10T16:00:00Z")
STRUCTURED = ("content-type", b"application/cloudevents+json")


def fact_of(message: dict[str, Any], *headers: tuple[str, bytes]) -> Fact:
    read = read_record(json.dumps(message).encode(), headers, NOW, ReadingRules(max_bytes=1_048_576))
    assert isinstance(read, WellFormed), read
    return read.fact


@pytest.mark.parametrize(
    ("attribute", "headers", "expected"),
    [
        ({"traceparent": SENT}, (), SENT),
        ({"traceparent": SENT}, (STRUCTURED, ("traceparent", OTHER.encode())), SENT),
        ({}, (STRUCTURED, ("traceparent", OTHER.encode())), OTHER),
        ({}, (STRUCTURED, ("traceparent", b"\xff\xfe")), None),
        ({}, (STRUCTURED, ("traceparent", b"tomorrow")), None),
        ({}, (STRUCTURED,), None),
    ],
    ids=["attribute", "attribute before header", "header", "no text", "no trace context", "none"],
)
def test_it_is_the_messages_attribute_or_else_kafkas_header(
    attribute: dict[str, str], headers: tuple[tuple[str, bytes], ...], expected: str | None
) -> None:
    assert fact_of({**ORDER, **attribute}, *headers).traceparent == expected


def test_it_is_on_the_records_that_the_fact_took_effect_and_that_it_ceased_to() -> None:
    fact = fact_of({**ORDER, "traceparent": SENT})
    turn = Turn(fact, MessageKey(*fact.key, "SO-1"), ("order-SO-1", 1), 1, None)
    change = VerdictChanged(
        recorded_at=NOW,
        source=fact.source,
        message_id=fact.message_id,
        verdict_before=Verdict.APPLIED,
        verdict=Verdict.REFUSED,
        reason="voided",
    )
    for one in (turn, turn._replace(revision=2, event=("order-SO-1", 2), change=change)):
        record = effects.record_of(one, "waybill.events", "waybill")
        assert json.loads(record.value)["traceparent"] == SENT
        assert ("traceparent", SENT.encode()) in record.headers


def test_text_that_is_no_trace_context_stays_an_attribute() -> None:
    fact = fact_of({**ORDER, "traceparent": "our own"})
    turn = Turn(fact, MessageKey(*fact.key, "SO-1"), ("order-SO-1", 1), 1, None)
    record = effects.record_of(turn, "waybill.events", "waybill")
    assert json.loads(record.value)["traceparent"] == "our own"
    assert [name for name, _ in record.headers] == ["content-type"]


def test_messages_that_differ_in_it_alone_say_the_same() -> None:
    assert fact_of({**ORDER, "traceparent": SENT}).says_the_same_as(fact_of({**ORDER, "traceparent": OTHER}))


def test_it_is_stored_with_the_event_and_relayed_from_there(tmp_path: Any) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        take_in(waybill, [json.dumps({**ORDER, "traceparent": SENT}).encode()])
        events, *_ = waybill.outboxes()
        (record,) = events.after(0).records
    assert ("traceparent", SENT.encode()) in record.headers
