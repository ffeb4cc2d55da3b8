"""How many small posts a second `waybill serve` commits, beside a bare app."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bench.broker import WAYBILL
from bench.http_client import HttpConnection
from bench.stores import NewStore

CONNECTIONS = 64
WARM_UP_SECONDS = 1.0


class Posted(NamedTuple):
    """Small posts over many connections, each answered after its commit. Latencies are in milliseconds."""

    server: str
    connections: int
    posts: int
    posts_a_second: float
    p50: float
    p99: float


BARE_APP = "bare FastAPI app, one row a post"


def figures(new_store: NewStore, seconds: float, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """The service beside a bare app, one after the other."""
    taken: list[Posted] = []
    for name, command in (
        (BARE_APP, [sys.executable, "-m", "bench.bare_app"]),
        ("waybill serve", [*WAYBILL, "serve"]),
    ):
        tell(f"posts: {name}")
        with serving(command, new_store(f"http-{len(taken)}")) as (host, port), get_context("spawn").Pool(1) as pool:
            taken.append(pool.apply(posted, (name, host, port, seconds)))
    bare, service = taken
    return [
        {
            **service._asdict(),
            "reference": BARE_APP,
            "reference_a_second": bare.posts_a_second,
            "reference_p99": bare.p99,
            "times": round(service.posts_a_second / bare.posts_a_second, 2),
            "goal": "",
            "reached": "",
        }
    ]


POSTS: Mapping[str, str] = {
    "server": "what",
    "connections": "connections",
    "posts_a_second": "posts a second",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "reference": "beside",
    "reference_a_second": "posts a second",
    "reference_p99": "p99 ms",
    "times": "×",
}


@contextmanager
def serving(command: Sequence[str], store: str) -> Iterator[tuple[str, int]]:
    """The host and port of a server in a process of its own, stopped at the end."""
    env = {**os.environ, "WAYBILL_STORE": store, "WAYBILL_SERVE": "127.0.0.1:0", "WAYBILL_LOG_LEVEL": "error"}
    arguments = [*command, store] if "bench.bare_app" in command else list(command)
    with subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if line.startswith("Serving at "):
                    address = urlsplit(line.removeprefix("Serving at ").strip())
                    yield str(address.hostname), int(address.port or 0)
                    break
            else:
                raise RuntimeError(f"{' '.join(command)} did not start")
        finally:
            server.terminate()


def posted(name: str, host: str, port: int, seconds: float) -> Posted:
    """Post for so many seconds over CONNECTIONS connections. Raises RuntimeError for an answer other than 200."""
    waited: list[float] = []

    async def post(number: int, began: float) -> None:
        sent = 0
        async with HttpConnection(host, port) as connection:
            while (now := time.perf_counter()) < began + WARM_UP_SECONDS + seconds:
                answer = await connection.post("/v1/events", message(f"{number}-{sent}"), content_type_of(name))
                if answer.status != 200:
                    raise RuntimeError(f"{name} answered {answer.status}: {answer.body.decode()}")
                sent += 1
                if now > began + WARM_UP_SECONDS:
                    waited.append(time.perf_counter() - now)

    async def together() -> None:
        began = time.perf_counter()
        await asyncio.gather(*(post(number, began) for number in range(CONNECTIONS)))

    asyncio.run(together())
    waited.sort()
    p50, p99 = (round(1_000 * waited[int(share * len(waited))], 1) for share in (0.5, 0.99))
    return Posted(name, CONNECTIONS, len(waited), round(len(waited) / seconds, 1), p50, p99)


def content_type_of(name: str) -> str:
    return "application/cloudevents+json" if name.startswith("waybill") else "application/json"


def message(order: str) -> bytes:
    """A small message: an order of one line."""
    data = {
        "rep_id": "rep-1",
        "segment": "b2b",
        "channel": "inbound_call",
        "currency": "USD",
        "lines": [{"line": 1, "sku": "SKU-1", "quantity": 1, "unit_price": "10.00"}],
        "promised_by": "2026-03-10T16:00:00Z",
    }
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"placed-{order}",
            "source": "/bench",
            "type": "order.placed.v1",
            "subject": f"SO-{order}",
            "time": "2026-03-03T09:00:00Z",
            "data": data,
        }
    ).encode()
