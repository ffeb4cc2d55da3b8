"""given three `waybill react` killed with -9 while standing orders come in, then each due date is placed exactly once.

WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consumers.reactors.standing_orders import placements_at
from domain.account.kind import ACCOUNT
from domain.derived import STANDING_ORDERS as SOURCE
from domain.order.events import OrderPlaced
from domain.standing_order.events import StandingOrderMissed
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import split_stream_name
from infra.app.container import Waybill
from infra.settings import Settings
from tests.fault.reacting import in_parts, react_and_kill, service
from tests.integration.command import Command
from tests.integration.messages import Document, line, message, voided
from tests.stores.conftest import new_store
from tests.stores.derived_messages import check_that_each_stands_once

__all__ = ["new_store", "service"]  # fixtures of other files which are used here
STANDING = 30
KILLS, MANY_KILLS = 8, 120
ZONES = ("Pacific/Kiritimati", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Pago_Pago")
NOW = datetime.now(UTC).replace(microsecond=0)

pytestmark = pytest.mark.fault


def messages() -> list[Document]:
    """Standing orders of the last two weeks; some stop or get other terms, some of these messages are voided."""

    def at(days: float) -> str:
        return (NOW - timedelta(days=days)).isoformat()

    def established(number: int, days: float, **more: Any) -> Document:
        data = {
            "account_id": f"A-{number % 5}",
            "rep_id": "rep-1",
            "segment": "b2b",
            "currency": "USD",
            "lines": [line(quantity=number + 1)],
            "every": {"days": 1 + number % 3},
            "first_on": at(days)[:10],
            "lead_days": number % 4,
        }
        return message("standing_order.established", f"T-{number}", at(days), {**data, **more})

    sent = [
        message("account.registered", f"A-{n}", at(60), {"name": "A", "segment": "b2b", "time_zone": zone})
        for n, zone in enumerate(ZONES)
    ]
    for number in range(STANDING):
        sent.append(first := established(number, 5 if number % 6 else 14))
        if number % 3 == 0:
            sent.append(established(number, 2, every={"days": 2}))
        if number % 4 == 0:
            sent.append(stop := message("standing_order.stopped", f"T-{number}", at(1), {"reason": "enough"}))
            if number % 8 == 0:
                sent.append(voided(stop, at(0.5)))
        if number % 5 == 0:
            sent.append(void := voided(first, at(0.6)))
            if number % 10 == 0:
                sent.append(voided(void, at(0.5)))
    return sent


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return in_parts(tmp_path_factory.mktemp("parts"), messages())


def then_each_date_is_placed_once(url: str) -> None:
    """The orders are those that follow from the messages, but for the dates found missed, which are never placed."""
    with Waybill(Settings(store=url)) as waybill:
        assert check_that_each_stands_once(waybill) > 0
        streams = dict(waybill.history.streams())
        placed = {
            split_stream_name(stream)[1]: (fact.occurred_at, fact.lines, fact.message_id)
            for stream, facts in streams.items()
            for fact in facts
            if isinstance(fact, OrderPlaced) and fact.source == SOURCE
        }
        accounts = {split_stream_name(s)[1]: facts for s, facts in streams.items() if s.startswith(ACCOUNT.prefix)}
        owed: dict[str, Any] = {}
        missed = 0
        for stream, facts in streams.items():
            kind, subject = split_stream_name(stream)
            if kind is STANDING_ORDER:
                missed += sum(isinstance(fact, StandingOrderMissed) for fact in facts)
                for one in placements_at(subject, facts, accounts, "UTC", waybill.clock()):
                    fact: Any = one.fact
                    owed[one.subject] = (fact.occurred_at, fact.lines, fact.message_id)
    assert placed == owed
    assert placed
    assert missed


def check(service: Command, parts: list[Path], draw: Random, kills: int) -> None:
    react_and_kill(service, parts, draw, kills)
    service("react", "--once").done()
    url = service.setting("WAYBILL_STORE")
    then_each_date_is_placed_once(url)
    service("verify").done()


def test_reactors_are_killed_and_each_due_date_is_placed_exactly_once(
    service: Command, parts: list[Path], draw: Random
) -> None:
    check(service, parts, draw, KILLS)


@pytest.mark.slow
def test_reactors_are_killed_many_times(service: Command, parts: list[Path], draw: Random) -> None:
    check(service, parts, draw, MANY_KILLS)
