"""A fact written back as a message, and read again, is the same fact."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all

from consumers.contract import CATALOGUE, to_cloud_event
from domain.fact import Fact
from domain.order.events import OrderLine, OrderPlaced, ShipmentRebooked
from domain.rep.events import RepChanged
from tests.contract.scenario import HISTORY, given, when_read
from tests.contract.strategies import facts, facts_of, ids


@for_all(fact=facts, subject=ids)
def test_written_and_read_again_it_is_the_same_fact(fact: Fact, subject: str) -> None:
    found = when_read(msgspec.json.encode(to_cloud_event(fact, subject)), HISTORY).well_formed()

    assert (found.type, found.subject) == (fact.TYPE, subject)
    assert found.fact == fact


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_this_holds_for_every_type(message_type: str) -> None:
    @for_all(fact=facts_of(message_type))
    def holds(fact: Fact) -> None:
        assert when_read(msgspec.json.encode(to_cloud_event(fact, "S-1")), HISTORY).fact() == fact

    holds()


@pytest.mark.parametrize("message_type", CATALOGUE)
def test_the_example_of_a_type_comes_back(message_type: str) -> None:
    message = given(message_type)
    found = message.when_read().well_formed()

    written = to_cloud_event(found.fact, found.subject)

    assert written["data"].keys() == message.message["data"].keys()
    assert when_read(msgspec.json.encode(written), HISTORY).well_formed() == found


def test_decimals_are_written_as_text_and_instants_in_utc() -> None:
    fact = OrderPlaced(
        recorded_at=datetime(2026, 3, 1, 9, 0, 0, 5, tzinfo=UTC),
        source="order-entry",
        message_id="m-1",
        occurred_at=datetime(987, 3, 1, 9, tzinfo=UTC),
        account_id="ALFKI",
        rep_id="rep-7",
        segment="b2b",
        channel="visit",
        currency="EUR",
        lines=(OrderLine("1", "GEAR", Decimal("1E+3"), Decimal("2.50")),),
        promised_by=datetime(2026, 3, 2, 9, 0, 0, 120_000, tzinfo=UTC),
    )

    assert to_cloud_event(fact, "SO-1") == {
        "specversion": "1.0",
        "id": "m-1",
        "source": "order-entry",
        "type": "order.placed.v1",
        "time": "0987-03-01T09:00:00Z",
        "subject": "SO-1",
        "recordedtime": "2026-03-01T09:00:00.000005Z",
        "data": {
            "account_id": "ALFKI",
            "rep_id": "rep-7",
            "segment": "b2b",
            "channel": "visit",
            "currency": "EUR",
            "lines": [{"line": 1, "sku": "GEAR", "quantity": "1000", "unit_price": "2.50"}],
            "promised_by": "2026-03-02T09:00:00.120000Z",
        },
    }


def test_null_is_written_where_it_clears_and_nothing_where_it_stays() -> None:
    common: dict[str, Any] = {"source": "s", "message_id": "1"}
    common |= {"recorded_at": datetime(2026, 3, 1, tzinfo=UTC), "occurred_at": datetime(2026, 3, 1, tzinfo=UTC)}
    rebooked = ShipmentRebooked(
        **common,
        shipment_id="SH-1",
        estimated_delivery=datetime(2026, 3, 4, tzinfo=UTC),
        reason="",
        cost=None,
    )
    changed = RepChanged(**common, team=None)

    assert to_cloud_event(rebooked, "SO-1")["data"] == {
        "shipment_id": "SH-1",
        "estimated_delivery": "2026-03-04T00:00:00Z",
        "reason": "",
        "cost": None,
    }
    assert to_cloud_event(changed, "rep-7")["data"] == {"team": None}
