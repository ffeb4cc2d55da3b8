"""The HTTP server: uvicorn, which serves an app until it is told to stop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import structlog
import uvicorn
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from infra.signals.server import AddressTakenError

SECONDS_BETWEEN_LOOKS = 0.1
THREADS = 20
SECONDS_TO_FINISH = 5
"""How long requests that are being answered may take after the stop."""


def listening(address: str) -> socket.socket:
    """A socket that listens at HOST:PORT (port 0: a free one). Raises AddressTakenError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(2048)
    except (OSError, OverflowError) as e:
        listener.close()
        raise AddressTakenError(
            f"WAYBILL_SERVE or --address: {address} cannot be listened on: {e}; "
            f"name another, such as --address {host}:{(int(port) + 1) % 65536}, or port 0 for a free one"
        ) from e
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of a page, such as http://127.0.0.1:8400/."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: our own handlers set the event that stops it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(app: FastAPI, listener: socket.socket, stop: Event, proxies: str = "", threads: int = THREADS) -> None:
    """Answer requests until `stop` is set; those being answered then are finished. In any thread.

    `proxies` are the addresses (separated by commas) whose X-Forwarded-For and X-Forwarded-Proto are believed.
    `threads` is how many requests are worked on at once by plain functions.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        log_level="critical",  # what fails is logged once, by the app
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    server = _Server(config)
    app.state.stop = stop  # an answer without end looks at it
    structlog.get_logger(__name__).info("pages_served", address=address_of(listener))

    async def run() -> None:
        current_default_thread_limiter().total_tokens = threads

        async def watch() -> None:
            while not stop.is_set():
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            server.should_exit = True

        watching = asyncio.create_task(watch())
        await server.serve(sockets=[listener])
        watching.cancel()

    try:
        asyncio.run(run())
    finally:
        listener.close()
