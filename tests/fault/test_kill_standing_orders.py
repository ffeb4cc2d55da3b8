"""given three `waybill react` killed with -9 while standing orders come in, then each due date is placed exactly once.

WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

import json
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
from tests.fault.conftest import SMALL_BATCHES
from tests.fault.test_kill_react import PARTS, react_and_kill, then_each_stands_once, voiding
from tests.integration.command import Command, Nursery
from tests.integration.messages import Document, line, message
from tests.stores.conftest import StoreUrl, new_store

__all__ = ["new_store"]  # a fixture of that folder which is used here
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
                sent.append(voiding(stop, at(0.5)))
        if number % 5 == 0:
            sent.append(void := voiding(first, at(0.6)))
            if number % 10 == 0:
                sent.append(voiding(void, at(0.5)))
    return sent


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The messages in several files, in an order that nothing explains."""
    sent, folder = messages(), tmp_path_factory.mktemp("parts")
    Random(7).shuffle(sent)
    files = [folder / f"{number}.jsonl" for number in range(PARTS)]
    for number, file in enumerate(files):
        file.write_text("".join(json.dumps(one) + "\n" for one in sent[number::PARTS]))
    return files


def then_each_date_is_placed_once(url: str) -> None:
    """The orders are those that follow from the messages, but for the dates found missed, which are never placed."""
    with Waybill(Settings(store=url)) as waybill:
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
    then_each_stands_once(url)
    then_each_date_is_placed_once(url)
    service("verify").done()


@pytest.fixture
def service(nursery: Nursery, tmp_path: Path, new_store: StoreUrl) -> Command:
    return Command(nursery, tmp_path, **{**SMALL_BATCHES, "WAYBILL_BATCH_EVENTS": "5"}, WAYBILL_STORE=new_store())


def test_reactors_are_killed_and_each_due_date_is_placed_exactly_once(
    service: Command, parts: list[Path], draw: Random
) -> None:
    check(service, parts, draw, KILLS)


@pytest.mark.slow
def test_reactors_are_killed_many_times(service: Command, parts: list[Path], draw: Random) -> None:
    check(service, parts, draw, MANY_KILLS)
