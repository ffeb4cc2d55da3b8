"""given `waybill react` killed with -9 at some instants, with several of them running while messages come in.

Then each derived message stands exactly once, the books balance, and the views are those of a store that nothing
disturbed. WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from domain.derived import MessageWithdrawn, is_derived
from domain.fact import Fact
from infra.app.container import Waybill
from infra.settings import Settings
from tests.fault.conftest import SMALL_BATCHES
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.command import Command, Nursery, Running
from tests.integration.messages import Document, booked, message, placed
from tests.stores.conftest import StoreUrl, new_store

__all__ = ["new_store"]  # a fixture of that folder which is used here
ORDERS = 60
PARTS = 4
KILLS, MANY_KILLS = 10, 120
REACTORS = 3

pytestmark = pytest.mark.fault


def at(day: int, hour: int = 9) -> str:
    return f"2025-05-{day:02}T{hour:02}:00:00Z"


def voiding(wrong: Document, time: str) -> Document:
    data = {"source": wrong["source"], "id": wrong["id"], "reason": "the wrong order"}
    return message("message.voided", wrong["subject"], time, data)


def messages() -> list[Document]:
    """Orders whose carriers speak of their numbers; some bookings are voided, and some of these voids are too."""
    sent: list[Document] = []
    for number in range(ORDERS):
        order, own = f"SO-{number}", f"1Z-{number}"
        booking = booked(order, at(3), at(8), tracking_number=own if number % 5 else f"TRUCK-{number % 3}")
        sent += [placed(order, at(2), at(9)), booking]
        sent += [message(f"parcel.{said}", own, at(day), {}, source="/northline") for said, day in SAID]
        if number % 4 == 0:
            sent.append(void := voiding(booking, at(7)))
            if number % 8 == 0:
                sent.append(voiding(void, at(7, 10)))
    sent += [message("parcel.delivered", f"TRUCK-{truck}", at(5), {}, source="/northline") for truck in range(3)]
    return sent


SAID = (("dispatched", 4), ("delayed", 4), ("attempted", 5), ("delivered", 6))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The messages in several files, in an order that nothing explains."""
    sent, folder = messages(), tmp_path_factory.mktemp("parts")
    Random(7).shuffle(sent)
    files = [folder / f"{number}.jsonl" for number in range(PARTS)]
    for number, file in enumerate(files):
        file.write_text("".join(json.dumps({**one, "recordedtime": one["time"]}) + "\n" for one in sent[number::PARTS]))
    return files


@pytest.fixture(scope="module")
def in_peace(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory, parts: list[Path]) -> dict[str, Any]:
    """What a store says that one process took in, and reacted to when all had come."""
    waybill = Command(nursery, tmp_path_factory.mktemp("peace"))
    for part in parts:
        waybill("ingest", part, "--history", "--no-project").done()
    waybill("react", "--once").done()
    return answers_of(f"sqlite:///{waybill.store}")


@pytest.fixture
def service(nursery: Nursery, tmp_path: Path, new_store: StoreUrl) -> Command:
    return Command(nursery, tmp_path, **{**SMALL_BATCHES, "WAYBILL_BATCH_EVENTS": "5"}, WAYBILL_STORE=new_store())


def progress(url: str) -> int:
    """How far the reactor has come."""
    question = "SELECT coalesce(max(position), 0) FROM reactor_positions"
    path = url.removeprefix("sqlite:///")
    try:
        with closing(
            psycopg.connect(url) if path == url else sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        ) as store:
            return int(store.execute(question).fetchone()[0])  # type: ignore[index]
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return 0


def starting(service: Command) -> Iterator[Running]:
    while True:
        yield service.start("react")


def react_and_kill(service: Command, parts: list[Path], draw: Random, kills: int) -> None:
    """Several reactors run while the parts come in; again and again one of them is killed, and another started."""
    url = service.setting("WAYBILL_STORE")
    service("project", "--once").done()  # there is a store
    new = starting(service)
    running = [next(new) for _ in range(REACTORS)]
    coming = list(parts)
    ingesting: Running | None = None
    for number in range(kills):
        if coming and (ingesting is None or not ingesting.is_alive()):
            ingesting = service.start("ingest", coming.pop(0), "--history", "--no-project")
        before, give_up = progress(url), time.monotonic() + 0.4
        while progress(url) < before + draw.randrange(1, 40) and time.monotonic() < give_up:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.03))
        victim = number % REACTORS
        running[victim].kill()
        running[victim].wait()
        running[victim] = next(new)
    if ingesting is not None:
        ingesting.wait().done()
    for part in coming:
        service("ingest", part, "--history", "--no-project").done()
    for one in running:
        one.terminate()
        one.wait().done()


def then_each_stands_once(url: str) -> None:
    standing: Counter[tuple[str, str, str]] = Counter()
    with Waybill(Settings(store=url)) as waybill:
        for _, event in waybill.history.after(0, 1_000_000):
            if is_derived(event):
                key = (event.originator_id, *event.key)
                standing[key] += isinstance(event, Fact)
                standing[key] -= isinstance(event, MessageWithdrawn)
                assert standing[key] in (0, 1), key


def check(service: Command, parts: list[Path], draw: Random, kills: int, in_peace: dict[str, Any]) -> None:
    react_and_kill(service, parts, draw, kills)
    service("react", "--once").done()
    url = service.setting("WAYBILL_STORE")
    then_each_stands_once(url)
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
