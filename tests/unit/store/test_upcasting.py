"""An event class changed: what an earlier version of it stored is brought up to date on reading."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from eventsourcing.utils import register_topic

from domain.fact import Fact
from domain.order.events import DeliveryConfirmed, LineQuantity, OrderLine, OrderPlaced
from domain.order.kind import Order
from infra.store.events.mapper import EventMapper
from infra.store.sqlite.backend import SqliteBackend

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class GoodsWeighed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Version 1 had `pounds`, a whole number; version 2 has `kilograms`, as decimal text."""

    TOPIC: ClassVar[str] = "goods.weighed"
    class_version: ClassVar[int] = 2

    kilograms: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["kilograms"] = f"{state.pop('pounds') * 0.45359237:.3f}"


register_topic("goods.weighed", GoodsWeighed)


def test_an_event_stored_by_an_earlier_version_is_read_as_one_of_today(tmp_path: Path) -> None:
    # given a stream in which an earlier version of the service stored an event
    store = SqliteBackend(str(tmp_path / "store.db"))
    application = store.application
    state = {"recorded_at": NOON, "source": "scales", "message_id": "1", "occurred_at": NOON, "pounds": 100}
    application.recorder.insert_events([StoredEvent("order-SO-1", 1, "goods.weighed", msgspec.json.encode(state))])
    # when the order is read
    order: Order = application.repository.get("order-SO-1")
    # then the fact speaks today's language
    (fact,) = order.facts
    assert isinstance(fact, GoodsWeighed)
    assert fact.kilograms == "45.359"
    assert (fact.originator_id, fact.originator_version) == ("order-SO-1", 1)
    store.close()


def test_an_event_of_today_is_stored_with_its_version_and_not_upcast_again() -> None:
    mapper = _mapper()
    fact = GoodsWeighed(
        originator_id="order-SO-1",
        originator_version=1,
        recorded_at=NOON,
        source="scales",
        message_id="1",
        occurred_at=NOON,
        kilograms="45.359",
    )
    stored = mapper.to_stored_event(fact)
    assert msgspec.json.decode(stored.state)["class_version"] == 2
    assert mapper.to_domain_event(stored) == fact


def test_an_event_that_cannot_be_read_is_named() -> None:
    with pytest.raises(MapperDeserialisationError, match="event 3 of stream order-SO-1"):
        _mapper().to_domain_event(StoredEvent("order-SO-1", 3, "order.placed", b'{"lines": 7}'))


def _mapper() -> EventMapper:
    from eventsourcing.persistence import JSONTranscoder

    return EventMapper(JSONTranscoder())


def test_an_order_line_stored_as_a_number_is_read_as_text() -> None:
    # given an order and a delivery as they were stored while lines were numbers
    said = {"recorded_at": NOON, "source": "shop", "message_id": "1", "occurred_at": NOON}
    line = {"line": 1, "sku": "LAMP", "quantity": "10", "unit_price": "5.00"}
    order = {
        **said,
        "account_id": "ALFKI",
        "rep_id": "ann",
        "segment": "b2b",
        "channel": "online",
        "currency": "EUR",
        "lines": [line],
        "promised_by": NOON,
    }
    confirmation = {**said, "shipment_id": "S-1", "lines": [{"line": 1, "quantity": "4"}]}
    # when they are read
    placed = _mapper().to_domain_event(StoredEvent("order-SO-1", 1, "order.placed", msgspec.json.encode(order)))
    confirmed = _mapper().to_domain_event(
        StoredEvent("order-SO-1", 2, "delivery.confirmed", msgspec.json.encode(confirmation))
    )
    # then the line is known by text, and all else is as it was
    assert isinstance(placed, OrderPlaced)
    assert placed.lines == (OrderLine("1", "LAMP", Decimal(10), Decimal("5.00")),)
    assert isinstance(confirmed, DeliveryConfirmed)
    assert confirmed.lines == (LineQuantity("1", Decimal(4)),)
    # and stored again they are read back without being upcast
    assert _mapper().to_domain_event(_mapper().to_stored_event(placed)) == placed
