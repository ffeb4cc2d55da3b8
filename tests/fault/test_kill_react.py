"""given `waybill react` killed with -9 at some instants, with several of them running while messages come in.

Then each derived message stands exactly once, the books balance, and the views are those of a store that nothing
disturbed. WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.fault.reacting import in_parts, react_and_kill, service
from tests.integration.command import Command, Nursery
from tests.integration.messages import Document, booked, message, placed, voided
from tests.stores.conftest import new_store
from tests.stores.derived_messages import check_that_each_stands_once

__all__ = ["new_store", "service"]  # fixtures of other files which are used here
ORDERS = 60
KILLS, MANY_KILLS = 5, 120

pytestmark = pytest.mark.fault


def at(day: int, hour: int = 9) -> str:
    return f"2025-05-{day:02}T{hour:02}:00:00Z"


def messages() -> list[Document]:
    """Orders whose carriers speak of their numbers; some bookings are voided, and some of these voids are too."""
    sent: list[Document] = []
    for number in range(ORDERS):
        order, own = f"SO-{number}", f"1Z-{number}"
        booking = booked(order, at(3), at(8), tracking_number=own if number % 5 else f"TRUCK-{number % 3}")
        sent += [placed(order, at(2), at(9)), booking]
        sent += [message(f"parcel.{said}", own, at(day), {}, source="/northline") for said, day in SAID]
        if number % 4 == 0:
            sent.append(void := voided(booking, at(7)))
            if number % 8 == 0:
                sent.append(voided(void, at(7, 10)))
    sent += [message("parcel.delivered", f"TRUCK-{truck}", at(5), {}, source="/northline") for truck in range(3)]
    return sent


SAID = (("dispatched", 4), ("delayed", 4), ("attempted", 5), ("delivered", 6))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    recorded = [{**one, "recordedtime": one["time"]} for one in messages()]
    return in_parts(tmp_path_factory.mktemp("parts"), recorded)


@pytest.fixture(scope="module")
def in_peace(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory, parts: list[Path]) -> dict[str, Any]:
    """What a store says that one process took in, and reacted to when all had come."""
    waybill = Command(nursery, tmp_path_factory.mktemp("peace"))
    for part in parts:
        waybill("ingest", part, "--history", "--no-project").done()
    waybill("react", "--once").done()
    return answers_of(f"sqlite:///{waybill.store}")


def check(service: Command, parts: list[Path], draw: Random, kills: int, in_peace: dict[str, Any]) -> None:
    react_and_kill(service, parts, draw, kills)
    service("react", "--once").done()
    url = service.setting("WAYBILL_STORE")
    with Waybill(Settings(store=url)) as waybill:
        assert check_that_each_stands_once(waybill) > 0
    assert_same_answers(url, in_peace)
    assert service.ask("react", "--dry-run") == []
    service("verify").done()


def test_several_reactors_of_which_some_are_killed_at_any_instant(
    service: Command, parts: list[Path], draw: Random, in_peace: dict[str, Any]
) -> None:
    check(service, parts, draw, KILLS, in_peace)


@pytest.mark.slow
def test_many_kills(service: Command, parts: list[Path], draw: Random, in_peace: dict[str, Any]) -> None:
    check(service, parts, draw, MANY_KILLS, in_peace)
