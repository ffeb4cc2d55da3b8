"""given `waybill serve` killed with -9 twice while many clients post and read, and started again each time.

Then nothing that was acknowledged is lost, no client hears of an error but 429, 503 and its broken connection, and the
store is as a fresh settling gives it. The instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a
failure printed.
"""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from bench.http_client import Answer, HttpConnection
from tests.event_loops import run_alone
from tests.integration.command import KILLED, Command, Nursery
from tests.integration.messages import SOURCE, placed
from tests.stores.conftest import StoreUrl, new_store

__all__ = ["new_store"]  # a fixture of that folder which is used here

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
BROKEN = (OSError, asyncio.IncompleteReadError)
PASSING = (429, 503)
PATIENCE_SECONDS = 60.0

pytestmark = pytest.mark.fault


@dataclass
class Load:
    """Clients that post orders, and clients that ask about acknowledged ones, until `ends`."""

    port: int
    ends: float
    acknowledged: list[str] = field(default_factory=list)
    broken: int = 0
    passing: int = 0
    asked: int = 0

    async def run(self, clients: int) -> None:
        await asyncio.gather(
            *(self._post(number) for number in range(clients // 2)), *(self._read(n) for n in range(clients // 2))
        )

    async def _post(self, number: int) -> None:
        sent = 0
        while time.monotonic() < self.ends:
            order = f"SO-{number}-{sent}"
            message = json.dumps(placed(order, EARLY, PROMISE, id=order)).encode()
            answer = await self.until_answered("/v1/events", message)
            # Where the answer to a first attempt was lost, this one is a duplicate.
            assert json.loads(answer.body)["verdict"] in ("applied", "duplicate"), answer
            self.acknowledged.append(order)
            sent += 1

    async def _read(self, number: int) -> None:
        draw = Random(number)
        while time.monotonic() < self.ends or not self.asked:
            if not self.acknowledged:
                await asyncio.sleep(0.05)
                continue
            order = draw.choice(self.acknowledged)
            answer = await self.until_answered(f"/v1/messages/{quote(SOURCE, safe='')}/{order}")
            (found,) = json.loads(answer.body)
            assert (found["id"], found["verdict"]) == (order, "applied")
            self.asked += 1

    async def until_answered(self, path: str, body: bytes | None = None) -> Answer:
        """Ask until there is an answer with 200, over a new connection when one breaks."""
        gives_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < gives_up, f"no answer from {path}"
            try:
                async with HttpConnection("127.0.0.1", self.port) as connection:
                    while True:
                        answer = await (
                            connection.get(path)
                            if body is None
                            else connection.post(path, body, "application/cloudevents+json")
                        )
                        if answer.status not in PASSING:
                            assert answer.status == 200, answer
                            return answer
                        self.passing += 1
                        await asyncio.sleep(0.2)
            except BROKEN:
                self.broken += 1
                await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def serve_killed_twice(waybill: Command, draw: Random, clients: int, seconds: float) -> Load:
    """The load, under which `serve` is killed at two instants and started again, and then stopped."""
    port = free_port()
    load = Load(port, ends=0.0)

    async def together() -> None:
        running = waybill.start("serve", "--address", f"127.0.0.1:{port}")
        await load.until_answered("/healthz")
        load.ends = time.monotonic() + seconds
        loading = asyncio.create_task(load.run(clients))
        for third in (1, 2):
            acknowledged = len(load.acknowledged)
            await asyncio.sleep(max(0.0, load.ends - seconds * (1 - third / 3) - time.monotonic()))
            while len(load.acknowledged) == acknowledged and not loading.done():  # it serves again
                await asyncio.sleep(0.01)
            await asyncio.sleep(draw.uniform(0, 0.1))
            running.kill()
            assert running.wait().code == KILLED
            running = waybill.start("serve", "--address", f"127.0.0.1:{port}")
        await loading
        await load.until_answered("/healthz")
        running.terminate()
        running.wait().done()

    run_alone(together())
    return load


@pytest.mark.parametrize(
    ("clients", "seconds"), [(12, 3.0), pytest.param(200, 60.0, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_serve_is_killed_twice_under_load(
    nursery: Nursery, tmp_path: Path, new_store: StoreUrl, draw: Random, clients: int, seconds: float
) -> None:
    waybill = Command(nursery, tmp_path, WAYBILL_STORE=new_store(), WAYBILL_LOG_LEVEL="error")

    load = serve_killed_twice(waybill, draw, clients, seconds)

    print(f"{len(load.acknowledged)} acknowledged, {load.asked} asked, {load.broken} broken, {load.passing} to repeat")
    assert load.acknowledged and load.asked and load.broken
    waybill("project", "--once").done()
    stored = {row["order_id"] for row in waybill("orders", "--format", "json").done().json}
    assert set(load.acknowledged) <= stored
    books = waybill("status", "--format", "json").done().json["books"]
    assert (books["applied"], books["held"], books["dead"]) == (len(stored), 0, 0)
    waybill("verify").done()
