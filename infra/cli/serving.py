"""What serve, up and demo share: where to listen, and the part that serves."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Annotated

import typer

from infra.app.container import Waybill
from infra.cli.arguments import login_name
from infra.cli.output import errors
from infra.settings import known_address, load_settings
from infra.signals.process import ProcessSignals
from infra.signals.pulse import Pulse


def read_address(text: str) -> str:
    """HOST:PORT, or nothing."""
    try:
        return known_address(text)
    except ValueError as e:
        raise typer.BadParameter(f"{e}, not {text!r}") from None


AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", parser=read_address, metavar="HOST:PORT", help="Where to listen (default: WAYBILL_SERVE)."
    ),
]


@contextmanager
def listen(address: str | None) -> Iterator[socket.socket]:
    """A socket at this address, or else at WAYBILL_SERVE. Raises AddressTakenError."""
    # Imported here: other commands do not need the web.
    from infra.web.server import listening

    listener = listening(address or load_settings().serve)
    with listener:
        yield listener


def serving_part(
    waybill: Waybill, signals: ProcessSignals, listener: socket.socket, stop: Event
) -> Callable[[Pulse], None]:
    """The part that serves the HTTP API and the pages. Raises NeedsKeysError."""
    from infra.web.context import Web
    from infra.web.pages.drawing_script import drawing_script
    from infra.web.running import run_web
    from infra.web.security.security import Security
    from infra.web.server import address_of

    endpoints = signals.endpoints
    assert endpoints is not None  # `serve` is among the parts
    security = Security(waybill, login_name(), listener.getsockname()[0])

    def run(pulse: Pulse) -> None:
        drawing_script.prepare()
        errors().print(f"Serving at {address_of(listener)}", highlight=False)
        try:
            run_web(waybill, listener, stop, pulse, lambda intake: Web.secured(waybill, security, intake, endpoints))
        finally:
            security.close()

    return run
