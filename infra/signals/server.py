"""A small HTTP server for the endpoints, in a thread of its own."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import structlog

from infra.signals.endpoints import Response

SOCKET_SECONDS = 10.0
"""How long a client may take to send its request."""


class AddressTakenError(Exception):
    """The address cannot be listened on; the message names the setting."""


class _Server(ThreadingHTTPServer):
    """A thread a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up before it has the answer is no error of ours. Every other failure is logged."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            structlog.get_logger(__name__).error("request_failed", reason=repr(error), exc_info=error)


@contextmanager
def serving(address: tuple[str, int], respond: Callable[[str], Response]) -> Iterator[int]:
    """Serve GET requests until the end of the block. Gives the port. Raises AddressTakenError.

    The answers are not secret, but they name topics and sources: the address should be one that Prometheus alone
    reaches.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_SECONDS

        def do_GET(self) -> None:
            status, content_type, body = respond(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes and probes are not logged."""

    host, port = address
    try:
        server = _Server((host, port), Handler)
    except (OSError, OverflowError) as e:
        raise AddressTakenError(f"WAYBILL_METRICS or --metrics: {host}:{port} cannot be listened on: {e}") from e
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    structlog.get_logger(__name__).info("metrics_served", address=f"{host}:{server.server_port}")
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
