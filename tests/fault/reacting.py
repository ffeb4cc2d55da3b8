"""Several `waybill react` run while messages come in, and some of them are killed with -9."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.fault.conftest import SMALL_BATCHES
from tests.integration.command import Command, Nursery, Running
from tests.integration.messages import Document
from tests.stores.conftest import StoreUrl

PARTS = 4
REACTORS = 3


@pytest.fixture
def service(nursery: Nursery, tmp_path: Path, new_store: StoreUrl) -> Command:
    return Command(nursery, tmp_path, **{**SMALL_BATCHES, "WAYBILL_BATCH_EVENTS": "5"}, WAYBILL_STORE=new_store())


def in_parts(folder: Path, sent: Sequence[Document]) -> list[Path]:
    """The messages in several files, in an order that nothing explains."""
    shuffled = list(sent)
    Random(7).shuffle(shuffled)
    files = [folder / f"{number}.jsonl" for number in range(PARTS)]
    for number, file in enumerate(files):
        file.write_text("".join(json.dumps(one) + "\n" for one in shuffled[number::PARTS]))
    return files


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
