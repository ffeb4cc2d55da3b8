"""Command that serves the HTTP API and the pages: serve."""

from typing import Annotated

import typer

from infra.cli.arguments import login_name, open_waybill
from infra.cli.output import errors
from infra.cli.processes import read_address
from infra.cli.signals import stopped_by_signals
from infra.settings import load_settings
from infra.store.opening import Access

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", parser=read_address, metavar="HOST:PORT", help="Where to listen (default: WAYBILL_SERVE)."
    ),
]


def add_commands(app: typer.Typer) -> None:
    app.command()(serve)


def serve(address: AddressOption = None) -> None:
    """Serve the HTTP API and the pages until stopped (SIGTERM or Ctrl-C; requests are finished first)."""
    # Imported here: other commands do not need the web.
    from infra.web.app import web_app
    from infra.web.context import Web
    from infra.web.security.security import Security
    from infra.web.server import address_of, listening
    from infra.web.server import serve as serve_app

    stop = stopped_by_signals()
    settings = load_settings()
    listener = listening(address or settings.serve)
    with open_waybill(stop=stop, access=Access.ACTING) as waybill:
        security = Security(waybill, login_name(), listener.getsockname()[0])
        app = web_app(Web.secured(waybill, security))
        errors().print(f"Serving at {address_of(listener)}", highlight=False)
        try:
            serve_app(app, listener, stop, settings.serve_proxies)
        finally:
            security.close()
