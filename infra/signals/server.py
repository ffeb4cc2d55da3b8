"""A small HTTP server for the endpoints, in a thread of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import structlog

from infra.signals.endpoints import Response

SOCKET_SECONDS = 10.0
"""How long a client may take to send its request."""


class AddressTakenError(Exception):
    """The address cannot be listened on; the message names the setting."""


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
        server = ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as e:
        raise AddressTakenError(f"WAYBILL_METRICS or --metrics: {host}:{port} cannot be listened on: {e}") from e
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    structlog.get_logger(__name__).info("metrics_served", address=f"{host}:{server.server_port}")
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
